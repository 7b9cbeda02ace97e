package compare

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
)

// A contract that is busy for a while does not end a run.
func TestABusyContractIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		answer, err := onceFree(t.Context(), func() (int, error) {
			switch asked++; {
			case asked < 4:
				return 0, fmt.Errorf("read: %w", contract.Unavailable)
			case asked == 4:
				return 0, fmt.Errorf("%w: a timeout", client.ErrAway)
			}
			return 7, nil
		})
		require.NoError(t, err)
		require.Equal(t, 7, answer)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = onceFree(ctx, func() (int, error) { return 0, contract.Unavailable })
		require.ErrorIs(t, err, contract.Unavailable)
		require.Error(t, ctx.Err())

		_, err = onceFree(t.Context(), func() (int, error) { return 0, contract.NotFound })
		require.ErrorIs(t, err, contract.NotFound)
	})
}
