package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// rows returns what a query selects, as text.
func rows[T any](t *testing.T, path, query string) []T {
	t.Helper()
	db, err := sqlx.Open("sqlite3", "file:"+path+"?mode=ro")
	require.NoError(t, err)
	defer db.Close()
	list := []T{}
	require.NoError(t, db.Select(&list, query))
	return list
}

// late returns the result of a late submission that pays other values at some places.
func late(d contract.Description, changes map[int]metrics.Uptime) metrics.Result {
	result := contracttest.Result(d, contracttest.Evidence(d, 3))
	for i, value := range changes {
		result.Values[i] = value
	}
	return result
}

// put keeps a late submission of a submitter with that result.
func put(s *store.Store, d contract.Description, submitter int, result metrics.Result, at contract.Millis) error {
	return s.PutLate(context.Background(), d, result, store.Attempt{
		Epoch: d.Epoch, Submitter: contracttest.Key(submitter).Public(), At: at, Verdict: contract.VerdictLate, Submission: []byte{byte(submitter)},
	})
}

func TestSubmittedSpreadIsTheLargestDifferenceOfPayments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1, 2, 3)
	settled(t, s, 1, 1)
	d := epoch(2)
	settled(t, s, 2, 1) // pays 90.25, 90.26, 90.27
	at := d.End + 10
	type line struct {
		Epoch       int
		Submissions int
		Spread      float64 `db:"submitted_spread"`
	}
	spread := func() line { return rows[line](t, path, `SELECT * FROM spread`)[1] }
	require.Equal(t, line{2, 1, 0}, spread(), "the winner alone")
	submitter := 1
	widen := func(changes map[int]metrics.Uptime) {
		t.Helper()
		submitter++
		for range 2 { // only the first one of a submitter counts
			require.NoError(t, put(s, d, submitter, late(d, changes), at))
		}
	}
	widen(nil)
	require.Equal(t, line{2, 2, 0}, spread())
	widen(map[int]metrics.Uptime{0: 9000, 2: 9030})
	require.Equal(t, line{2, 3, 0.25}, spread())
	widen(map[int]metrics.Uptime{0: 9050})
	require.Equal(t, line{2, 4, 0.5}, spread(), "of two late ones")
	widen(map[int]metrics.Uptime{1: metrics.Missing})
	require.Equal(t, line{2, 5, 0.5}, spread(), "the value of epoch 1 would have been carried, which is the same")
	require.Equal(t, line{1, 1, 0}, rows[line](t, path, `SELECT * FROM spread`)[0])

	require.Len(t, rows[string](t, path, `SELECT ranges FROM submitted WHERE ranges <> ''`), 1)
	require.ErrorContains(t, put(s, d, 8, metrics.Result{}, at), "a result of 0 mixnodes, expected those of the 3 rewards")
	third := epoch(3)
	settled(t, s, 3, 1)
	require.NoError(t, put(s, third, 2, late(third, nil), entry(d).Close))
	require.Equal(t, line{2, 5, 0.5}, spread())
	require.Equal(t, []string{"{}"}, rows[string](t, path, `SELECT ranges FROM submitted WHERE ranges <> ''`), "epoch 2 has closed")
	require.NoError(t, put(s, d, 9, late(d, map[int]metrics.Uptime{0: 0}), at))
	require.Equal(t, line{2, 5, 0.5}, spread(), "nothing is added to an epoch that has closed")
}

func TestWhatWouldNotHaveBeenPaidCountsInFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1)
	settled(t, s, 1, 1)
	d := epoch(1)
	require.NoError(t, put(s, d, 2, late(d, map[int]metrics.Uptime{1: metrics.Missing}), d.End))
	require.Equal(t, []float64{90.26}, rows[float64](t, path, `SELECT submitted_spread FROM spread`))
}

func TestMembersAreCaughtByName(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1, 2, 3)
	for _, p := range contracttest.Peers(3) { // the fourth is not a member
		require.NoError(t, s.PutMember(ctx, store.Member{Peer: p}, 5))
	}
	key := func(number int) (a store.Attempt) {
		return store.Attempt{Epoch: 2, Submitter: contracttest.Key(number).Public(), At: 5, Verdict: contract.VerdictInvalid, Type: contract.WrongResult.Type(), Reason: "no", Submission: []byte{1}}
	}
	for _, number := range []int{2, 2, 4} {
		require.NoError(t, s.PutAttempt(ctx, key(number)))
	}
	belated := key(3)
	belated.Verdict = contract.VerdictLate
	require.NoError(t, s.PutAttempt(ctx, belated))
	for _, epoch := range []contract.Epoch{1, 2, 3, 3} {
		require.NoError(t, s.PutOffence(ctx, epoch, contracttest.Key(1).Public(), contract.TwoReports, 0))
	}
	require.NoError(t, s.PutOffence(ctx, 2, contracttest.Key(1).Public(), contract.TwoBlocks, 7))

	all, err := s.Caught(ctx, 0)
	require.NoError(t, err)
	require.Equal(t, []contract.Caught{
		{Name: "nymapi-1", Offence: contract.TwoBlocks, Epochs: []int64{7}, Count: 1, Text: "nymapi-1 signed two blocks at height 7 of its chain"},
		{Name: "nymapi-1", Offence: contract.TwoReports, Epochs: []int64{1, 2, 3}, Count: 3, Text: "nymapi-1 signed two reports in epochs 1 to 3"},
		{Name: "nymapi-2", Offence: contract.RefusedSubmission, Epochs: []int64{2}, Count: 2, Text: "nymapi-2 submitted what the contract refused, 2 times, in epoch 2"},
	}, all)
	second, err := s.Caught(ctx, 2)
	require.NoError(t, err)
	require.Equal(t, []int64{2}, second[1].Epochs)
	require.Len(t, second, 3)
	first, err := s.Caught(ctx, 1)
	require.NoError(t, err)
	require.Len(t, first, 1)

	settled(t, s, 1, 1)
	settled(t, s, 2, 1)
	require.Equal(t, []int{4, 2, 0}, rows[int](t, path, `SELECT caught FROM reporter_totals WHERE nymapi LIKE 'nymapi-%' ORDER BY nymapi`))
	require.Equal(t, []int{2, 2, 0}, rows[int](t, path, `SELECT caught FROM reporters WHERE epoch = 2 AND nymapi LIKE 'nymapi-%' ORDER BY nymapi`))
}

func TestWhoIsShownAsCaughtIsWhoWasProvenTo(t *testing.T) {
	ctx, culprit := context.Background(), contracttest.Key(1).Public()
	s := begin(t, filepath.Join(t.TempDir(), "c.db"), 1, 2)
	require.NoError(t, s.PutOffence(ctx, 2, culprit, contract.TwoReports, 0))
	require.NoError(t, s.PutOffence(ctx, 2, culprit, contract.TwoBlocks, 7))
	header := block.SignedHeader{Header: block.Header{Creator: culprit, Height: 7}}
	annex := contract.Annex{
		Epoch: 2, DoubleReports: []contract.DoubleReport{{Reporter: culprit}}, DoubleBlocks: []contract.DoubleBlock{{First: header}},
	}
	require.NoError(t, s.CheckCaught(ctx, annex))
	require.NoError(t, s.CheckCaught(ctx, contract.Annex{Epoch: 1}))

	annex.DoubleReports = append(annex.DoubleReports, contract.DoubleReport{Reporter: contracttest.Key(2).Public()})
	err := s.CheckCaught(ctx, annex)
	require.ErrorIs(t, err, verify.ErrMismatch)
	require.ErrorContains(t, err, "not shown as caught")
	err = s.CheckCaught(ctx, contract.Annex{Epoch: 2})
	require.ErrorIs(t, err, verify.ErrMismatch)
	require.ErrorContains(t, err, "shown as caught, without a proof")
}
