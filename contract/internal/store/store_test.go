package store_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/ledger"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

func owner() store.Owner {
	return store.Owner{Network: contracttest.Network, Key: contracttest.ContractKey()}
}

func open(t *testing.T, path string) *store.Store {
	s, err := store.Open(context.Background(), path, owner(), 1, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // closing again after the test closed it does nothing
	return s
}

func entry(d contract.Description) ledger.Entry {
	return ledger.Entry{ID: d.Epoch, Start: d.Start, End: d.End, Close: d.End + 3000}
}

func epoch(number contract.Epoch) contract.Description {
	d := contracttest.Description(4, 3)
	d.Epoch, d.Start, d.End = number, d.Start+contract.Millis(number)*1000, d.End+contract.Millis(number)*1000
	return d
}

// settle stores the submission of a creator as the winner.
func settle(s *store.Store, d contract.Description, creator int) (store.Settlement, error) {
	submission := contracttest.Submission(d, creator)
	v, err := verify.Submission(d, submission)
	if err != nil {
		return store.Settlement{}, err
	}
	var won store.Settlement
	err = s.Settle(context.Background(), d, d.End+5, func(values verify.Values) store.Settlement {
		rewards := values.Fill(d, v.Result)
		won = store.Settlement{
			Block: v.BlockID(), Matrix: v.Matrix, Reporters: v.Reporters, Signers: v.Signers, Rewards: rewards, Submission: submission.Encode(),
			Receipt: contract.Receipt{
				Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: v.BlockID(), Rewards: contract.HashRewards(d.Network, d.Epoch, rewards),
				Submitter: submission.Submitter, AcceptedAt: d.End + 5,
			}.Sign(contracttest.ContractKey()),
		}
		return won
	})
	return won, err
}

func TestWhatIsStoredIsReadAgainAfterReopening(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "a contract?#%.db")
	s := open(t, path)
	for i, p := range contracttest.Peers(4) {
		require.NoError(t, s.PutMember(ctx, store.Member{Peer: p, Counter: uint64(i + 1)}, 5))
	}
	require.NoError(t, s.PutGroup(ctx, contracttest.Group(4), 6))
	d := epoch(1)
	require.NoError(t, s.BeginEpoch(ctx, entry(d), d))
	won, err := settle(s, d, 2)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	s = open(t, path)
	members, err := s.Members(ctx)
	require.NoError(t, err)
	require.Len(t, members, 4)
	group, err := s.Group(ctx)
	require.NoError(t, err)
	require.Equal(t, contracttest.Group(4).ID(), group.ID())
	newest, unsettled, err := s.Schedule(ctx)
	require.NoError(t, err)
	require.Equal(t, entry(d), newest)
	require.Empty(t, unsettled)
	same, err := s.Description(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, d, same)
	core, err := s.Core(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, won.Submission, core.Submission)
	require.Equal(t, won.Rewards, core.Rewards)
	_, err = verify.Audit(core)
	require.NoError(t, err)
	detail, err := s.Epoch(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, "nymapi-2", detail.Winner.Name)
	require.Equal(t, won.Receipt, *detail.Receipt)
}

func TestEpochIsSettledOnceAndInOrder(t *testing.T) {
	ctx, s := context.Background(), open(t, filepath.Join(t.TempDir(), "c.db"))
	first, second := epoch(1), epoch(2)
	require.NoError(t, s.BeginEpoch(ctx, entry(first), first))
	require.NoError(t, s.BeginEpoch(ctx, entry(second), second))
	_, err := settle(s, second, 1)
	require.ErrorIs(t, err, store.ErrNotOpen, "an earlier one is open")
	_, err = settle(s, first, 1)
	require.NoError(t, err)
	_, err = settle(s, first, 2)
	require.ErrorIs(t, err, store.ErrNotOpen)
	_, err = s.MissEpoch(ctx, 1, 9)
	require.ErrorIs(t, err, store.ErrNotOpen)
	reason, err := s.MissEpoch(ctx, 2, 9)
	require.NoError(t, err)
	require.Equal(t, "nobody submitted a result in time", reason)
	_, err = settle(s, second, 1)
	require.ErrorIs(t, err, store.ErrNotOpen)
	_, err = s.Winning(ctx, 2)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestFailedSettlementLeavesNothingBehind(t *testing.T) {
	ctx, s := context.Background(), open(t, filepath.Join(t.TempDir(), "c.db"))
	d := epoch(1)
	require.NoError(t, s.BeginEpoch(ctx, entry(d), d))
	err := s.Settle(ctx, d, d.End, func(verify.Values) store.Settlement {
		twice := contract.Reward{Mixnode: "m0001", Value: 1}
		return store.Settlement{Rewards: []contract.Reward{twice, twice}, Submission: []byte{1}}
	})
	require.Error(t, err)
	detail, err := s.Epoch(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, contract.StatusOpen, detail.Status)
	require.Empty(t, detail.Attempts)
	_, err = settle(s, d, 1)
	require.NoError(t, err)
}

func TestSettleGetsTheNewestValuesWithinTheCarryLimit(t *testing.T) {
	ctx := context.Background()
	for limit, expected := range map[uint16]verify.Values{
		0: {},
		1: {"m0001": {Value: 9025, Epoch: 2}, "m0002": {Value: 9026, Epoch: 2}, "m0003": {Value: 9027, Epoch: 2}},
	} {
		d := epoch(3)
		d.Rules.CarryLimit = limit
		s := open(t, filepath.Join(t.TempDir(), "c.db"))
		for number := contract.Epoch(1); number <= 2; number++ {
			before := epoch(number)
			require.NoError(t, s.BeginEpoch(ctx, entry(before), before))
			_, err := settle(s, before, 1)
			require.NoError(t, err)
		}
		require.NoError(t, s.BeginEpoch(ctx, entry(d), d))
		var got verify.Values
		require.NoError(t, s.Settle(ctx, d, d.End, func(values verify.Values) store.Settlement {
			got = values
			return store.Settlement{
				Rewards: []contract.Reward{{Mixnode: "m0001", Value: metrics.Missing}}, Submission: []byte{1}, Receipt: contract.Receipt{Rewards: contract.Hash{1}},
			}
		}))
		require.Equal(t, expected, got)
	}
}

func TestForeignAndLockedDatabasesAreRefused(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	s := open(t, path)
	_, err := store.Open(ctx, path, owner(), 1, nil)
	require.ErrorIs(t, err, store.ErrLocked)
	require.NoError(t, s.Close())
	for _, other := range []store.Owner{{Network: "other", Key: owner().Key}, {Network: owner().Network, Key: contracttest.Key(1)}} {
		_, err = store.Open(ctx, path, other, 1, nil)
		require.ErrorIs(t, err, store.ErrForeign)
		require.ErrorContains(t, err, other.Network)
		require.ErrorContains(t, err, "of its first start, or a new folder")
	}
	open(t, path)
}

func names(t *testing.T, folder string) (list []string) {
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestReaderCreatesNoFile(t *testing.T) {
	ctx, folder := context.Background(), t.TempDir()
	path := filepath.Join(folder, "c.db")
	_, err := store.OpenReader(ctx, path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Empty(t, names(t, folder))

	s := open(t, path)
	d := epoch(1)
	require.NoError(t, s.BeginEpoch(ctx, entry(d), d))
	running := names(t, folder)
	r, err := store.OpenReader(ctx, path)
	require.NoError(t, err)
	epochs, err := r.Epochs(ctx, 0, 5)
	require.NoError(t, err)
	require.Len(t, epochs, 1)
	_, err = settle(s, d, 1)
	require.NoError(t, err)
	epochs, err = r.Epochs(ctx, 0, 5)
	require.NoError(t, err)
	require.Equal(t, contract.StatusRewarded, epochs[0].Status, "it sees what the contract has written meanwhile")
	require.NoError(t, r.Close())
	require.Equal(t, running, names(t, folder))

	require.NoError(t, s.Close())
	stopped := names(t, folder)
	r, err = store.OpenReader(ctx, path)
	require.NoError(t, err)
	_, err = r.Epoch(ctx, 1)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, stopped, names(t, folder))

	text := filepath.Join(folder, "text.db")
	require.NoError(t, os.WriteFile(text, []byte("no database"), 0o600))
	_, err = store.OpenReader(ctx, text)
	require.ErrorContains(t, err, "not a contract's")
}

func TestBackupIsOneFileOfOneMoment(t *testing.T) {
	ctx, folder := context.Background(), t.TempDir()
	path, to := filepath.Join(folder, "c.db"), filepath.Join(folder, "copy.db")
	s := open(t, path)
	d := epoch(1)
	require.NoError(t, s.BeginEpoch(ctx, entry(d), d))
	require.NoError(t, s.Backup(ctx, to))
	_, err := settle(s, d, 1)
	require.NoError(t, err)
	before, err := store.OpenReader(ctx, to)
	require.NoError(t, err)
	_, err = before.Winning(ctx, 1)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, before.Close())

	require.NoError(t, s.Backup(ctx, to), "an older copy is replaced")
	after, err := store.OpenReader(ctx, to)
	require.NoError(t, err)
	core, err := after.Core(ctx, 1)
	require.NoError(t, err)
	_, err = verify.Audit(core)
	require.NoError(t, err)
	require.NoError(t, after.Close())
	require.NotContains(t, names(t, folder), "copy.db-wal")
	require.NotContains(t, names(t, folder), "copy.db.partial")
	require.ErrorContains(t, s.Backup(ctx, path), "that is the database itself")
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.ErrorIs(t, s.Backup(ctx, pipe), files.ErrNotRegular)
}

func TestViewsShowReadableValues(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	s := open(t, path)
	for _, p := range contracttest.Peers(4) {
		require.NoError(t, s.PutMember(ctx, store.Member{Peer: p}, 5))
	}
	d := epoch(1)
	require.NoError(t, s.BeginEpoch(ctx, entry(d), d))
	_, err := settle(s, d, 3)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro&immutable=1")
	require.NoError(t, err)
	defer db.Close()
	var winner, accepted string
	var after, reporters, signers int
	require.NoError(t, db.QueryRow(`SELECT winner, accepted, after_end_ms, reporters, signers FROM winners`).Scan(&winner, &accepted, &after, &reporters, &signers))
	require.Equal(t, []any{"nymapi-3", "2023-11-14T22:13:22.005Z", 5, 4, 3}, []any{winner, accepted, after, reporters, signers})
	var percent float64
	require.NoError(t, db.QueryRow(`SELECT percent FROM rewards WHERE epoch = 1 AND mixnode = 'm0002'`).Scan(&percent))
	require.Equal(t, 90.26, percent)
	for _, view := range []string{"members", "epochs", "attempts"} {
		var rows int
		require.NoError(t, db.QueryRow(`SELECT count(*) FROM `+view).Scan(&rows))
		require.Positive(t, rows, view)
	}
}

func TestCancelledCallsWriteNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "c.db"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.MissEpoch(ctx, 1, 1)
	require.True(t, errors.Is(err, context.Canceled))
}
