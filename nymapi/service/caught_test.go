package service_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// oneEpoch is a calendar with one epoch.
type oneEpoch struct {
	rewards.Calendar
	of contract.Description
}

func (c oneEpoch) Epochs() []epoch.Entry {
	return []epoch.Entry{{Description: c.of, Hash: c.of.Hash(), Status: contract.StatusOpen}}
}

func TestRefusedReportsAreInTheFolder(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	refused, err := service.RefusedReports(ctx, dir)
	require.NoError(t, err)
	require.Empty(t, refused)

	held, err := rewards.OpenStore(ctx, filepath.Join(dir, service.RewardsFile), nil)
	require.NoError(t, err)
	offences, err := rewards.NewOffences(ctx, held, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	d := contracttest.Description(4, 3)
	app, err := rewards.NewApplication(ctx, rewards.ApplicationConfig{
		Key: contracttest.Key(1), Group: d.Group, Store: held, Calendar: oneEpoch{of: d}, Offences: offences, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	garbage, err := block.NewMessage(contracttest.Key(3), d.Network, d.Label(), []byte("no report"), int64(d.End))
	require.NoError(t, err)
	require.False(t, app.CheckMessage(ctx, garbage).IsAccept())
	require.NoError(t, held.Close())
	refused, err = service.RefusedReports(ctx, dir)
	require.NoError(t, err)
	require.Equal(t, map[keys.Public][]contract.Epoch{contracttest.Key(3).Public(): {1}}, refused)
}
