package sqlite

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// vote returns the writes of a vote for a block with one message.
func vote(t *testing.T) []store.Write {
	key := keys.FromSeed([32]byte{1})
	group, err := membership.NewGroup("test", 1, []keys.Public{key.Public()}, membership.Limits{})
	require.NoError(t, err)
	m, err := block.NewMessage(key, "test", "", make([]byte, 60_000), 1)
	require.NoError(t, err)
	b := block.New(group, key.Public(), 1, block.ID{}, 1, []block.Message{m})
	return []store.Write{store.PutGroup{Group: group}, store.PutVote{Block: b}}
}

// votes returns how many commits with votes the store counts.
func votes(t *testing.T, s *Store) (count int) {
	require.NoError(t, s.writer.Get(&count, `SELECT commits FROM vote_commits`))
	return count
}

func TestLockedStoreWritesNothingAndThenEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.sqlite")
	s, err := Open(path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	other := sql.OpenDB(connector{"file:" + (&url.URL{Path: path}).EscapedPath() + "?_txlock=immediate"})
	tx, err := other.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	writes := vote(t)
	require.ErrorIs(t, s.Commit(t.Context(), writes), store.ErrBusy)
	require.NoError(t, tx.Rollback())
	require.NoError(t, other.Close())
	require.Zero(t, votes(t, s))
	require.NoError(t, s.Commit(t.Context(), writes))
	require.Equal(t, 1, votes(t, s))
}

func TestFullDiskWritesNothingAndThenEverything(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "store.sqlite"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	var pages int
	require.NoError(t, s.writer.Get(&pages, `PRAGMA max_page_count = 1`)) // as many as there are
	writes := vote(t)
	require.ErrorIs(t, s.Commit(t.Context(), writes), store.ErrFull)
	require.Zero(t, votes(t, s))
	groups, err := s.Groups(t.Context())
	require.NoError(t, err)
	require.Empty(t, groups)
	require.NoError(t, s.writer.Get(&pages, `PRAGMA max_page_count = 1000000`))
	require.NoError(t, s.Commit(t.Context(), writes))
	require.Equal(t, 1, votes(t, s))
}
