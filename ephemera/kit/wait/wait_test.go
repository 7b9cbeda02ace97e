package wait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

var (
	errPasses = errors.New("passes")
	errStays  = errors.New("stays")
)

func TestForEndsWithItsTimeOrContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		require.True(t, wait.For(t.Context(), time.Hour))
		require.Equal(t, time.Hour, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.False(t, wait.For(ctx, time.Hour))
		require.False(t, wait.For(ctx, 0))
		require.Equal(t, time.Hour+time.Minute, time.Since(began))
	})
}

// An action is repeated while its error passes, and reports say so at once, then once a minute, and
// at the end.
func TestActionIsRepeatedWhileItsErrorPasses(t *testing.T) {
	for name, last := range map[string]error{"success": nil, "another error": errStays} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, attempts := time.Now(), 0
				var reports []error
				p := wait.Patience{
					Passes: func(err error) bool { return errors.Is(err, errPasses) },
					Report: func(err error, _ time.Duration) { reports = append(reports, err) },
				}
				err := p.Try(t.Context(), func() error {
					if attempts++; time.Since(began) > 150*time.Second {
						return last
					}
					return errPasses
				})
				require.ErrorIs(t, err, last)
				require.InDelta(t, 80, attempts, 5)
				want := []error{errPasses, errPasses, errPasses}
				if last == nil {
					want = append(want, nil)
				}
				require.Equal(t, want, reports)
			})
		})
	}
}

func TestActionIsNotRepeatedBeyondTheBoundOrTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		fails := func() error { return errPasses }
		passes := func(error) bool { return true }
		require.ErrorIs(t, wait.Patience{Most: 10 * time.Second, Passes: passes}.Try(t.Context(), fails), errPasses)
		require.LessOrEqual(t, time.Since(began), 10*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, wait.Patience{Passes: passes}.Try(ctx, fails), errPasses)
		require.LessOrEqual(t, time.Since(began), 70*time.Second)
		attempts := 0
		require.ErrorIs(t, wait.Patience{Passes: passes}.Try(ctx, func() error { attempts++; return errPasses }), errPasses)
		require.Equal(t, 1, attempts, "the context is done")
	})
}
