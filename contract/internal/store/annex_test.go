package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
)

// lateAttempt is a late submission of a creator.
func lateAttempt(d contract.Description, creator int, at contract.Millis) store.Attempt {
	s := contracttest.Submission(d, creator)
	return store.Attempt{
		Epoch: d.Epoch, Submitter: s.Submitter, At: at, Verdict: contract.VerdictLate, Type: contract.Decided.Type(), Reason: "won by another", Submission: s.Encode(),
	}
}

func TestLateSubmissionsAreKeptUntilTheAnnexIsStored(t *testing.T) {
	ctx, path, d := context.Background(), filepath.Join(t.TempDir(), "c.db"), epoch(1)
	s := begin(t, path, 1, 2)
	_, err := s.Collect(ctx, 1)
	require.ErrorIs(t, err, store.ErrNotFound, "it is not settled")
	settled(t, s, 1, 1)
	first := lateAttempt(d, 3, d.End+20)
	require.NoError(t, s.PutLate(ctx, first))
	require.NoError(t, s.PutLate(ctx, lateAttempt(d, 2, d.End+10)))
	second := lateAttempt(d, 3, d.End+30)
	second.Submission = append([]byte{0}, second.Submission...)
	require.NoError(t, s.PutLate(ctx, second), "one of each submitter is kept")
	invalid := store.Attempt{Epoch: 1, Submitter: first.Submitter, At: 4, Verdict: contract.VerdictInvalid, Type: "t", Reason: "r", Submission: []byte{1}}
	require.NoError(t, s.PutAttempt(ctx, invalid))
	require.NoError(t, s.Close())

	s = open(t, path)
	kept, err := s.HasLate(ctx, 1, first.Submitter)
	require.NoError(t, err)
	require.True(t, kept)
	all, err := s.Collect(ctx, 1)
	require.NoError(t, err)
	require.Len(t, all.Late, 2)
	require.Contains(t, all.Late, contract.Received{Submission: first.Submission, At: first.At})
	require.Equal(t, [][]byte{{1}}, all.Invalid)
	require.Equal(t, []contract.Hash{contract.Digest(second.Submission), contract.Digest(invalid.Submission)}, []contract.Hash{all.Refused[0].Digest, all.Refused[1].Digest})
	core, err := s.Core(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, core.Encode(), all.Core.Encode())

	_, err = s.Annex(ctx, 1)
	require.ErrorIs(t, err, store.ErrNotFound)
	annex, err := all.Seal(all.Core, d.End+3000, contracttest.ContractKey())
	require.NoError(t, err)
	require.NoError(t, s.PutAnnex(ctx, annex))
	another, err := all.Seal(all.Core, d.End+9999, contracttest.ContractKey())
	require.NoError(t, err)
	require.NoError(t, s.PutAnnex(ctx, another), "the first one stays")
	stored, err := s.Annex(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, annex.Encode(), stored)
	kept, err = s.HasLate(ctx, 1, first.Submitter)
	require.NoError(t, err)
	require.False(t, kept)
}

func TestUnsealedEpochsAreSettledAndClosed(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1, 2, 3)
	closing, err := s.Closing(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, entry(epoch(1)).Close, closing)
	_, err = s.Closing(ctx, 9)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Unsealed(ctx, 1, closing)
	require.ErrorIs(t, err, store.ErrNotFound, "it is open")
	settled(t, s, 1, 1)
	settled(t, s, 2, 1)
	_, err = s.Unsealed(ctx, 1, closing-1)
	require.ErrorIs(t, err, store.ErrNotFound, "it has not closed")
	next, err := s.Unsealed(ctx, 1, closing)
	require.NoError(t, err)
	require.Equal(t, contract.Epoch(1), next)
	all, err := s.Collect(ctx, 1)
	require.NoError(t, err)
	annex, err := all.Seal(all.Core, closing, contracttest.ContractKey())
	require.NoError(t, err)
	require.NoError(t, s.PutAnnex(ctx, annex))
	next, err = s.Unsealed(ctx, 1, closing+1000)
	require.NoError(t, err)
	require.Equal(t, contract.Epoch(2), next)
	_, err = s.Unsealed(ctx, 3, closing+1000)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// A database that an earlier version made has no annexes, and can be read.
func TestReaderOfAnEarlierDatabaseFindsNoAnnex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	filled(t, path)
	change(t, path, `DROP TABLE late; DROP TABLE annex; DELETE FROM goose_db_version WHERE version_id >= 5`)
	r, err := store.OpenReader(context.Background(), path)
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Annex(context.Background(), 1)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = r.Core(context.Background(), 1)
	require.NoError(t, err)
}
