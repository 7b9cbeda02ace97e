package webserver

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAddressesThatWaitTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(2, time.Minute, nil)
		require.True(t, p.enter(t.Context(), "busy"))
		entered := make(chan string)
		for range 5 {
			go func() {
				if p.enter(t.Context(), "busy") {
					entered <- "busy"
				}
			}()
		}
		synctest.Wait()
		require.True(t, p.enter(t.Context(), "other"), "busy has its half")
		go func() {
			if p.enter(t.Context(), "third") {
				entered <- "third"
			}
		}()
		synctest.Wait()
		p.leave("other", 0)
		require.Equal(t, "third", <-entered, "although others wait longer")
		for range 5 {
			p.leave("busy", 0)
			require.Equal(t, "busy", <-entered)
		}
		p.leave("busy", 0)
		p.leave("third", 0)
		require.Empty(t, p.used)
		require.Empty(t, p.waiting)
		require.Empty(t, p.turns)
		require.Equal(t, 2, p.free)
	})
}

func TestWaitForAPlaceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(1, 5*time.Second, nil)
		require.True(t, p.enter(t.Context(), "a"))
		start := time.Now()
		require.False(t, p.enter(t.Context(), "b"))
		require.Equal(t, 5*time.Second, time.Since(start))
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.False(t, p.enter(gone, "b"))
		p.leave("a", 0)
		require.Empty(t, p.waiting)
		require.True(t, p.enter(t.Context(), "b"))
	})
}

// Requests wait until what others made is paid for, and addresses take turns then, too.
func TestPlacesKeepWithinTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, burst, size = 100 << 10, 400 << 10, 98 << 10
		p := newPlaces(8, time.Minute, newBudget(rate, burst))
		start, made := time.Now(), make(chan string, 100)
		var working sync.WaitGroup
		for _, address := range []string{"a", "a", "a", "a", "a", "a", "a", "a", "a", "b"} {
			working.Go(func() {
				if p.enter(t.Context(), address) {
					made <- address
					p.leave(address, size)
				}
			})
			synctest.Wait()
		}
		working.Wait()
		require.GreaterOrEqual(t, time.Since(start), 5*time.Second-time.Millisecond, "ten answers, of which the burst has five")
		require.Less(t, time.Since(start), 5*time.Second+time.Millisecond)
		close(made)
		var order string
		for address := range made {
			order += address
		}
		require.Equal(t, "aaaaaabaaa", order, "b waits for one of the others")
	})
}
