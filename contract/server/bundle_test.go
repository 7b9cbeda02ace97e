package server_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
)

func TestMissedEpochHasACore(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	ctx := context.Background()
	_, err := w.Core(ctx, 1)
	require.ErrorIs(t, err, contract.NotFound)
	require.ErrorContains(t, err, "epoch 1 is not settled")
	w.clock.set(end(5)) // it is closed by whatever is asked next
	core, err := w.Core(ctx, 1)
	require.NoError(t, err)
	require.True(t, core.Missed())
	audited, err := verify.Audit(core)
	require.NoError(t, err)
	require.Equal(t, contract.StatusMissed, audited.Record.Status)
	require.Contains(t, audited.Record.Reason, "nobody submitted")
}
