package pebble

import (
	"encoding/binary"
	"log/slog"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/lsm"
)

// A store of layout version 1 has counters without a running time, and in the index of whole bodies
// the times of headers. Once it is migrated, its blocks count as new.
func TestOlderLayoutIsMigrated(t *testing.T) {
	disk := vfs.NewMem()
	open := func() *lsm.Store {
		db, err := openDatabase("store", disk, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		s, err := lsm.New(db, nil)
		require.NoError(t, err)
		return s
	}
	s := open()
	const blocks = 1500 // more than one write of the migration
	fill(t, s, blocks)
	s.Clock().Advance(time.Hour)
	require.NoError(t, s.Close())

	db, err := openDatabase("store", disk, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	counters, err := db.Get([]byte{'c'})
	require.NoError(t, err)
	changes := []lsm.Change{{Key: []byte{'v'}, Value: []byte{1}}, {Key: []byte{'c'}, Value: counters[:16]}}
	require.NoError(t, db.Scan([]byte{'Q'}, []byte{'R'}, func(key, value []byte) (bool, error) {
		old := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli()))
		changes = append(changes, lsm.Change{Key: append([]byte(nil), key...), Value: append(old, value[8:]...)})
		return true, nil
	}))
	require.Len(t, changes, blocks+2)
	require.NoError(t, db.Write(changes))
	require.NoError(t, db.Close())

	s = open()
	require.Less(t, s.Clock().Now(), time.Hour.Milliseconds())
	forgotten, err := s.Forgotten(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(-1), forgotten)
	pruned, err := s.Prune(t.Context(), store.Retention{Age: time.Hour})
	require.NoError(t, err)
	require.Zero(t, pruned)
	s.Clock().Advance(time.Hour)
	require.NoError(t, s.Close())
	s = open()
	pruned, err = s.Prune(t.Context(), store.Retention{Age: time.Hour})
	require.NoError(t, err)
	require.Equal(t, blocks, pruned.Blocks)
	require.NoError(t, s.Close())
}

// A store of layout version 2 has counted no votes. It is opened as it is. An older program, which
// would not count, does not open it any more.
func TestStoreWithoutACountOfVotesIsMigrated(t *testing.T) {
	disk := vfs.NewMem()
	db, err := openDatabase("store", disk, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, db.Write([]lsm.Change{{Key: []byte{'v'}, Value: []byte{2}}}))
	s, err := lsm.New(db, nil)
	require.NoError(t, err)
	require.NoError(t, s.SetIdentity(t.Context(), store.Identity{Network: "n"}))
	identity, err := s.Identity(t.Context())
	require.NoError(t, err)
	require.Zero(t, identity.Votes)
	version, err := db.Get([]byte{'v'})
	require.NoError(t, err)
	require.Equal(t, []byte{3}, version)
	require.NoError(t, s.Close())
}
