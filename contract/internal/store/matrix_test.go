package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func points(values ...float64) (list []*float64) {
	for _, v := range values {
		list = append(list, &v)
	}
	return list
}

// enrolled opens a database with members 1 to 10 and rewarded epochs.
func enrolled(t *testing.T, epochs ...contract.Epoch) *store.Store {
	s := begin(t, filepath.Join(t.TempDir(), "c.db"), epochs...)
	for _, p := range contracttest.Peers(4) {
		require.NoError(t, s.PutMember(context.Background(), store.Member{Peer: p}, 5))
	}
	for _, number := range epochs {
		settled(t, s, number, 1)
	}
	return s
}

func TestMatrixShowsWhatWasReportedAndPaid(t *testing.T) {
	ctx, s := context.Background(), enrolled(t, 1)
	m, err := s.Matrix(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, contract.EpochMatrix{
		Epoch: 1, Mixnodes: contracttest.Mixnodes(3), Percent: points(90.25, 90.26, 90.27), CarriedFrom: []contract.Epoch{0, 0, 0},
		Coverage: contract.Coverage{Cells: 3, Fresh: 3}, Submissions: 1,
		Rows: []contract.MatrixRow{
			{NymAPI: "nymapi-1", Key: contracttest.Key(1).Public(), Percent: points(90.1, 90.11, 90.12)},
			{NymAPI: "nymapi-2", Key: contracttest.Key(2).Public(), Percent: points(90.2, 90.21, 90.22)},
			{NymAPI: "nymapi-3", Key: contracttest.Key(3).Public(), Percent: points(90.3, 90.31, 90.32)},
			{NymAPI: "nymapi-4", Key: contracttest.Key(4).Public(), Percent: points(90.4, 90.41, 90.42)},
		},
	}, m)
	_, err = s.Matrix(ctx, 2)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestMixnodeIsShownWithEveryEstimateAndInPages(t *testing.T) {
	ctx, s := context.Background(), enrolled(t, 1, 2, 3)
	found, err := s.Mixnode(ctx, "m0002", 0, 2)
	require.NoError(t, err)
	require.Equal(t, contract.Epoch(1), found.Next)
	require.Len(t, found.Epochs, 2)
	newest := found.Epochs[0]
	require.Equal(t, contract.Epoch(3), newest.Epoch)
	require.Equal(t, points(90.26)[0], newest.Percent)
	require.Equal(t, contract.Reported{NymAPI: "nymapi-4", Percent: points(90.41)[0]}, newest.Reports[3])
	estimates := map[string]float64{}
	for _, e := range newest.Estimates {
		estimates[e.Estimator] = *e.Percent
	}
	require.Equal(t, map[string]float64{"mean": 90.26, "median": 90.26, "lowmedian": 90.21, "trimmed": 90.26, "mad": 90.26, "wmedian": 90.26}, estimates)

	found, err = s.Mixnode(ctx, "m0002", found.Next, 2)
	require.NoError(t, err)
	require.Equal(t, contract.Epoch(0), found.Next)
	require.Equal(t, contract.Epoch(1), found.Epochs[0].Epoch)
	for _, unknown := range []metrics.MixID{"m9", "%"} {
		_, err = s.Mixnode(ctx, unknown, 0, 2)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
}

// A database that an earlier version made can be read, and what it lacks is said.
func TestReaderOfAnEarlierDatabaseSaysWhatItLacks(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	filled(t, path)
	change(t, path, forget)
	r, err := store.OpenReader(ctx, path)
	require.NoError(t, err)
	defer r.Close()
	detail, err := r.Epoch(ctx, 1)
	require.NoError(t, err)
	require.Empty(t, detail.Caught)
	const want = "start this version's contract on it once"
	_, err = r.Matrix(ctx, 1)
	require.ErrorContains(t, err, want)
	_, err = r.Mixnode(ctx, "m0001", 0, 1)
	require.ErrorContains(t, err, want)
	_, err = r.ReporterTotals(ctx)
	require.ErrorContains(t, err, want)
}
