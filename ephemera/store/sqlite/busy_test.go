package sqlite

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

// refusing returns a store at a path, and the store that was opened last.
func refusing(t *testing.T, want error, refuse, accept func(path string, open *Store)) storetest.Refusing {
	var current *Store
	path := filepath.Join(t.TempDir(), "store.sqlite")
	return storetest.Refusing{
		Open: func() (store.Store, error) {
			s, err := Open(path, nil)
			current = s
			return s, err
		},
		Refuse: func(*testing.T) { refuse(path, current) },
		Accept: func(*testing.T) { accept(path, current) },
		Want:   want,
	}
}

func TestLockedStoreRefusesCommits(t *testing.T) {
	storetest.RunRefused(t, func(t *testing.T) storetest.Refusing {
		var other *sql.DB
		var tx *sql.Tx
		return refusing(t, store.ErrBusy, func(path string, _ *Store) {
			other = sql.OpenDB(connector{database.Name(path, "?_txlock=immediate")})
			var err error
			tx, err = other.BeginTx(t.Context(), nil)
			require.NoError(t, err)
		}, func(string, *Store) {
			require.NoError(t, tx.Rollback())
			require.NoError(t, other.Close())
		})
	})
}

func TestFullDiskRefusesCommits(t *testing.T) {
	storetest.RunRefused(t, func(t *testing.T) storetest.Refusing {
		var pages int
		return refusing(t, store.ErrFull, func(_ string, s *Store) {
			require.NoError(t, s.writer.Get(&pages, `PRAGMA max_page_count = 1`)) // as many as there are
		}, func(_ string, s *Store) {
			_ = s.writer.Get(&pages, `PRAGMA max_page_count = 1000000`) // the bound ends with the connection
		})
	})
}
