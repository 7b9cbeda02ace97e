package sqlite

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		path := "/" + filepath.Join(t.TempDir(), "a name with %20 & ?#.sqlite")
		return func() (store.Store, error) {
			s, err := Open(path, nil)
			if err != nil {
				return nil, err // not a nil pointer in an interface
			}
			return s, nil
		}
	})
}

// crashing implements storetest.Torn: a folder that contains the store.
type crashing struct {
	dir    string
	marked map[string][]byte // file name -> content
}

func newCrashing(dir string) *crashing { return &crashing{dir: dir} }

func (c *crashing) Open() (store.Store, error) {
	return Open(filepath.Join(c.dir, "store.sqlite"), nil)
}

func (c *crashing) files(t *testing.T) map[string][]byte {
	files := map[string][]byte{}
	for _, name := range []string{"store.sqlite", "store.sqlite-wal"} {
		data, err := os.ReadFile(filepath.Join(c.dir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
			files[name] = data
		}
	}
	return files
}

func written(t *testing.T, files map[string][]byte) *crashing {
	dir := t.TempDir()
	for name, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return newCrashing(dir)
}

// Crash copies the files, as a kill would leave them. The caller must not use the store meanwhile.
func (c *crashing) Crash(t *testing.T, _ *rand.Rand) storetest.Disk { return written(t, c.files(t)) }

func (c *crashing) Mark(t *testing.T) { c.marked = c.files(t) }

// Tear truncates the log somewhere in what was appended since Mark. Half of the time it also zeroes
// a range near the new end, because a disk may write sectors in any order.
func (c *crashing) Tear(t *testing.T, random *rand.Rand) storetest.Disk {
	const main, log = "store.sqlite", "store.sqlite-wal"
	now := c.files(t)
	old := len(c.marked[log])
	if !bytes.Equal(now[main], c.marked[main]) || !bytes.HasPrefix(now[log], c.marked[log]) || len(now[log]) == old {
		return nil // nothing was appended, or the log was written back
	}
	end := old + random.IntN(len(now[log])-old+1)
	now[log] = now[log][:end]
	if zeroed := random.IntN(end - old + 1); zeroed > 0 && random.IntN(2) == 0 {
		clear(now[log][end-zeroed : end-zeroed/2])
	}
	return written(t, now)
}

func TestCrashes(t *testing.T) {
	storetest.RunCrash(t, func(t *testing.T) storetest.Disk { return newCrashing(t.TempDir()) }, false)
}

func TestVotesAreSyncedBeforeCommitReturns(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.sqlite"))
	var mode string
	require.NoError(t, s.writer.Get(&mode, "PRAGMA journal_mode"))
	require.Equal(t, "wal", mode)
	var synchronous, temporary int
	require.NoError(t, s.writer.Get(&synchronous, "PRAGMA synchronous"))
	require.Equal(t, 2, synchronous, "FULL")
	require.NoError(t, s.writer.Get(&temporary, "PRAGMA temp_store"))
	require.Equal(t, 2, temporary, "MEMORY")
	_, err := s.reader.Exec("DELETE FROM votes")
	require.ErrorContains(t, err, "readonly")
}

// A copy of the files that is made when Commit returns, as a kill -9 would leave them, holds what
// it wrote.
func TestCommitSurvivesAKill(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	s := open(t, filepath.Join(from, "store.sqlite"))
	vote := testBlock(t, 100)
	require.NoError(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: vote}}))
	for _, name := range []string{"store.sqlite", "store.sqlite-wal"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, name), data, 0o600))
	}
	held, err := open(t, filepath.Join(to, "store.sqlite")).Block(t.Context(), vote.ID())
	require.NoError(t, err)
	require.Equal(t, vote.Encode(), held.Encode())
}

func TestFullDiskFailsTheWholeCommitAndLaterCommitsSucceed(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.sqlite"))
	var pages int
	require.NoError(t, s.writer.Get(&pages, "PRAGMA page_count"))
	_, err := s.writer.Exec("PRAGMA max_page_count = 40")
	require.NoError(t, err)
	require.Less(t, pages, 40)

	small, large := testBlock(t, 10), testBlock(t, 250_000)
	err = s.Commit(t.Context(), []store.Write{store.PutEvidence{Evidence: store.Evidence{A: small.SignedHeader, B: small.SignedHeader}}, store.PutVote{Block: large}})
	var refused sqlite3.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, sqlite3.ErrFull, refused.Code)
	state, err := s.Load(t.Context(), small.Header.Group)
	require.NoError(t, err)
	require.Equal(t, store.State{}, state)
	require.NoError(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: small}}))

	_, err = s.writer.Exec("PRAGMA max_page_count = 100000")
	require.NoError(t, err)
	require.ErrorIs(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: large}}), store.ErrVoted)
}

func TestErrorNamesTheFileThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.sqlite")
	require.NoError(t, os.WriteFile(garbage, []byte("not a database"), 0o600))
	for _, path := range []string{garbage, filepath.Join(dir, "no folder", "store.sqlite"), dir} {
		_, err := Open(path, nil)
		require.ErrorContains(t, err, "open store "+path)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.sqlite")
	s := open(t, path)
	_, err := s.writer.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = Open(path, nil)
	require.ErrorContains(t, err, "version 999")
}

func testBlock(t *testing.T, payload int) block.Block {
	key := keys.FromSeed([32]byte{1})
	group, err := membership.NewGroup("sqlite", 1, []keys.Public{key.Public()}, membership.Limits{})
	require.NoError(t, err)
	message, err := block.NewMessage(key, "sqlite", "label", make([]byte, payload), 1)
	require.NoError(t, err)
	b := block.New(group, key.Public(), 1, block.ID{}, 2, []block.Message{message})
	b.Signature = key.Sign(b.Header.SigningBytes())
	return b
}
