package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

// begin opens a database and begins epochs in it.
func begin(t *testing.T, path string, epochs ...contract.Epoch) *store.Store {
	s := open(t, path)
	for _, number := range epochs {
		require.NoError(t, s.BeginEpoch(context.Background(), entry(epoch(number)), epoch(number)))
	}
	return s
}

func settled(t *testing.T, s *store.Store, number contract.Epoch, creator int) {
	_, err := settle(s, epoch(number), creator)
	require.NoError(t, err)
}

func copyFile(t *testing.T, from, to string) {
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, data, 0o600))
}

// refused requires that the database cannot be opened, and that nothing in its folder changes.
func refused(t *testing.T, path, reason string) {
	t.Helper()
	before := names(t, filepath.Dir(path))
	_, err := store.Open(context.Background(), path, owner(), 1, nil)
	require.ErrorIs(t, err, store.ErrLost)
	require.ErrorContains(t, err, reason)
	require.ErrorContains(t, err, "contract recover --db "+path)
	require.Equal(t, before, names(t, filepath.Dir(path)))
}

func TestNoDatabaseWithoutTheNewestSettledEpochIsOpened(t *testing.T) {
	for name, lose := range map[string]struct {
		how    func(t *testing.T, path, backup string)
		reason string
	}{
		"deleted":        {func(t *testing.T, path, _ string) { require.NoError(t, os.Remove(path)) }, "the database is missing"},
		"emptied":        {func(t *testing.T, path, _ string) { require.NoError(t, os.Truncate(path, 0)) }, "the database is missing"},
		"restored":       {func(t *testing.T, path, backup string) { copyFile(t, backup, path) }, "has settled epoch 2, the database ends with epoch 1"},
		"marker deleted": {func(t *testing.T, path, _ string) { require.NoError(t, os.Remove(path+".marker")) }, "is missing, so the database may be an old copy"},
		"marker damaged": {func(t *testing.T, path, _ string) {
			require.NoError(t, os.WriteFile(path+".marker", []byte("{"), 0o600))
		}, "is damaged"},
		"both restored from different histories": {func(t *testing.T, path, backup string) {
			other := filepath.Join(t.TempDir(), "c.db")
			s := begin(t, other, 1, 2)
			settled(t, s, 1, 1)
			settled(t, s, 2, 3)
			require.NoError(t, s.Close())
			copyFile(t, other, path)
		}, "has settled epoch 2 with another result or receipt"},
		"missed instead": {func(t *testing.T, path, backup string) {
			other := filepath.Join(t.TempDir(), "c.db")
			s := begin(t, other, 1, 2)
			settled(t, s, 1, 1)
			_, err := s.MissEpoch(context.Background(), 2, 9)
			require.NoError(t, err)
			require.NoError(t, s.Close())
			copyFile(t, other, path)
		}, "has settled epoch 2 with another result or receipt"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.db")
			backup := filepath.Join(t.TempDir(), "backup.db")
			s := begin(t, path, 1, 2)
			settled(t, s, 1, 1)
			require.NoError(t, s.Backup(context.Background(), backup))
			settled(t, s, 2, 2)
			require.NoError(t, s.Close())
			lose.how(t, path, backup)
			refused(t, path, lose.reason)
		})
	}
}

func TestMissedEpochsAreRemembered(t *testing.T) {
	path, backup := filepath.Join(t.TempDir(), "c.db"), filepath.Join(t.TempDir(), "backup.db")
	s := begin(t, path, 1)
	require.NoError(t, s.Backup(context.Background(), backup))
	_, err := s.MissEpoch(context.Background(), 1, 9)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	copyFile(t, backup, path)
	refused(t, path, "has settled epoch 1, the database ends with epoch 0")
}

// A crash between the database and the marker leaves a marker that is older than the database.
func TestMarkerCatchesUpWithTheDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1, 2, 3)
	copyFile(t, path+".marker", path+".at0")
	settled(t, s, 1, 1)
	copyFile(t, path+".marker", path+".at1")
	settled(t, s, 2, 2)
	copyFile(t, path+".marker", path+".at2")
	require.NoError(t, s.Close())
	newest, err := os.ReadFile(path + ".marker")
	require.NoError(t, err)
	for _, older := range []string{".at0", ".at1", ".at2"} {
		copyFile(t, path+older, path+".marker")
		require.NoError(t, os.WriteFile(path+".marker.next", []byte("half"), 0o600))
		require.NoError(t, open(t, path).Close())
		now, err := os.ReadFile(path + ".marker")
		require.NoError(t, err)
		require.Equal(t, string(newest), string(now))
	}
	settled(t, open(t, path), 3, 1)
}

func TestReplacedDatabaseSettlesNothing(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, path string){
		"deleted":     func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"log deleted": func(t *testing.T, path string) { require.NoError(t, os.Remove(path+"-wal")) },
		"replaced": func(t *testing.T, path string) {
			copyFile(t, path, path+".copy")
			require.NoError(t, os.Rename(path+".copy", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.db")
			s := begin(t, path, 1, 2)
			settled(t, s, 1, 1)
			require.NoError(t, s.Check())
			replace(t, path)
			_, err := settle(s, epoch(2), 2)
			require.ErrorIs(t, err, store.ErrLost)
			require.ErrorIs(t, s.Stopped(), store.ErrLost)
			_, err = s.MissEpoch(context.Background(), 2, 9)
			require.ErrorIs(t, err, store.ErrLost)
		})
	}
}

// A settlement whose marker cannot be written is not shown, and the next start completes it.
func TestNoReceiptIsShownBeforeTheMarker(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1, 2)
	settled(t, s, 1, 1)
	won, err := disturbed(s, epoch(2), func() {
		require.NoError(t, os.Rename(path+".marker", path+".aside"))
		require.NoError(t, os.Mkdir(path+".marker", 0o700)) // not replaced by a file
	})
	require.ErrorIs(t, err, files.ErrNotRegular)
	require.ErrorIs(t, s.Stopped(), files.ErrNotRegular)
	for _, read := range []func() error{
		func() error { _, err := s.Epoch(ctx, 2); return err },
		func() error { _, err := s.Core(ctx, 2); return err },
		func() error { _, err := s.Winning(ctx, 2); return err },
		func() error { _, err := s.Epochs(ctx, 0, 5); return err },
	} {
		require.ErrorIs(t, read(), files.ErrNotRegular)
	}
	require.NoError(t, s.Close())
	require.NoError(t, os.Remove(path+".marker"))
	require.NoError(t, os.Rename(path+".aside", path+".marker"))
	detail, err := open(t, path).Epoch(ctx, 2)
	require.NoError(t, err)
	require.Equal(t, won.Receipt, *detail.Receipt)
}

// disturbed is settle by member 2 with a disturbance inside its transaction.
func disturbed(s *store.Store, d contract.Description, disturb func()) (won store.Settlement, err error) {
	err = s.Settle(context.Background(), d, d.End+5, func(verify.Values) store.Settlement {
		disturb()
		submission := contracttest.Submission(d, 2)
		won = store.Settlement{Submission: submission.Encode(), Receipt: contract.Receipt{
			Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Rewards: contract.Hash{1}, Submitter: submission.Submitter, AcceptedAt: d.End + 5,
		}.Sign(contracttest.ContractKey())}
		return won
	})
	return won, err
}

func TestRecoveryNeedsTheNumberAndKeepsTheMarker(t *testing.T) {
	ctx, path, backup := context.Background(), filepath.Join(t.TempDir(), "c.db"), filepath.Join(t.TempDir(), "backup.db")
	s := begin(t, path, 1, 2)
	accept := func(store.Loss) error { return nil }
	_, err := store.Recover(ctx, path, accept)
	require.ErrorIs(t, err, store.ErrLocked)
	settled(t, s, 1, 1)
	require.NoError(t, s.Backup(ctx, backup))
	settled(t, s, 2, 2)
	require.NoError(t, s.Close())
	_, err = store.Recover(ctx, path, accept)
	require.ErrorIs(t, err, store.ErrNothingLost)
	for _, lose := range []func(){
		func() { copyFile(t, backup, path) },
		func() { require.NoError(t, os.Remove(path+".marker")) },
		func() { require.NoError(t, os.WriteFile(path+".marker", nil, 0o600)) },
		func() { require.NoError(t, os.Remove(path)) },
	} {
		lose()
		no := errors.New("no")
		_, err = store.Recover(ctx, path, func(store.Loss) error { return no })
		require.ErrorIs(t, err, no)
		_, err = store.Open(ctx, path, owner(), 1, nil)
		require.ErrorIs(t, err, store.ErrLost, "a refusal changes nothing")
		hadMarker := true
		if _, err := os.Stat(path + ".marker"); err != nil {
			hadMarker = false
		}
		var loss store.Loss
		kept, err := store.Recover(ctx, path, func(l store.Loss) error { loss = l; return nil })
		require.NoError(t, err)
		require.ErrorIs(t, loss.Reason, store.ErrLost)
		require.Positive(t, loss.Settled)
		if hadMarker {
			require.FileExists(t, kept)
		}
		require.NoError(t, open(t, path).Close())
	}
}

// A database from before the marker gets one, and is then bound to it.
func TestDatabaseWithoutAMarkerGetsOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1)
	settled(t, s, 1, 1)
	require.NoError(t, s.Close())
	require.NoError(t, os.Remove(path+".marker"))
	unmark(t, path)
	require.NoError(t, open(t, path).Close())
	require.FileExists(t, path+".marker")
	require.NoError(t, os.Remove(path+".marker"))
	refused(t, path, "is missing")
}

// unmark makes a database one of a program that wrote no marker.
func unmark(t *testing.T, path string) {
	db, err := sql.Open("sqlite3", "file:"+path)
	require.NoError(t, err)
	_, err = db.Exec(`UPDATE contract SET marked = 0`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}
