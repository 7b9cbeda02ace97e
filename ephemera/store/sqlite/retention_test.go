package sqlite

import (
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// testChain returns the first blocks of a chain. Each contains a new message of 3 kB and, except
// the first, the new one of the block below.
func testChain(t *testing.T, heights int) []store.PutCertified {
	key := keys.FromSeed([32]byte{1})
	group, err := membership.NewGroup("sqlite", 1, []keys.Public{key.Public()}, membership.Limits{})
	require.NoError(t, err)
	var (
		puts   []store.PutCertified
		shared []block.Message
		parent block.ID
	)
	for i := range heights {
		message, err := block.NewMessage(key, "sqlite", "label", make([]byte, 3000), int64(i+1))
		require.NoError(t, err)
		b := block.New(group, key.Public(), uint64(i+1), parent, int64(i+1), append(shared, message))
		b.Signature = key.Sign(b.Header.SigningBytes())
		parent, shared = b.ID(), []block.Message{message}
		proof := certificate.New(group, b.Header.Slot(), b.ID(), map[int]keys.Signature{0: {1}})
		puts = append(puts, store.PutCertified{Block: b, Certificate: proof})
	}
	return puts
}

// size returns how many bytes the store's file and log have.
func size(t *testing.T, path string) (total int64) {
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		total += info.Size()
	}
	return total
}

func TestPruningFreesDiskSpace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.sqlite")
	s := open(t, path)
	puts := testChain(t, 600)
	for i, put := range puts {
		writes := []store.Write{put, store.PutDelivered{Slot: put.Block.Header.Slot()}}
		require.NoError(t, s.Commit(t.Context(), writes), "height %d", i+1)
	}
	before := size(t, path)
	require.Greater(t, before, int64(600*3000))
	pruned, err := s.Prune(t.Context(), store.Retention{Keep: 100})
	require.NoError(t, err)
	require.Equal(t, 500, pruned.Blocks)
	require.Greater(t, pruned.Bytes, int64(499*3000))
	after := size(t, path)
	require.Less(t, after, before-pruned.Bytes*9/10, "from %d to %d bytes", before, after)
	var check string
	require.NoError(t, s.writer.Get(&check, "PRAGMA integrity_check"))
	require.Equal(t, "ok", check)
	var foreign []string
	require.NoError(t, s.writer.Select(&foreign, "SELECT \"table\" FROM pragma_foreign_key_check"))
	require.Empty(t, foreign)
	var left, ids, needed int
	require.NoError(t, s.writer.Get(&left, "SELECT count(*) FROM messages"))
	require.NoError(t, s.writer.Get(&ids, "SELECT count(*) FROM message_ids"))
	require.NoError(t, s.writer.Get(&needed, "SELECT sum(bodies) FROM message_ids"))
	require.Equal(t, []int{101, 101, 200}, []int{left, ids, needed})
}

// Migrating a file of schema version 2 numbers its certificates in their order and lets the file
// shrink.
func TestOlderFileIsMigrated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.sqlite")
	puts := testChain(t, 4)
	unused := testBlock(t, 10)
	writeOldFile(t, path, []store.PutCertified{puts[2], puts[0], puts[1]}, puts[3].Block, unused.SignedHeader)

	for range 2 {
		s := open(t, path)
		entries, err := s.List(t.Context(), 0, keys.Public{}, 10, math.MaxInt)
		require.NoError(t, err)
		require.Len(t, entries, 3)
		for i, want := range []store.PutCertified{puts[2], puts[0], puts[1]} {
			require.Equal(t, uint64(i+1), entries[i].Sequence)
			require.Equal(t, want.Block.Encode(), entries[i].Block.Encode())
			require.Equal(t, want.Certificate.Encode(), entries[i].Certificate.Encode())
		}
		voted, err := s.Block(t.Context(), puts[3].Block.ID())
		require.NoError(t, err)
		require.Equal(t, puts[3].Block.Encode(), voted.Encode())
		included, err := s.Included(t.Context(), 2)
		require.NoError(t, err)
		require.Len(t, included, 2)
		var mode int
		require.NoError(t, s.writer.Get(&mode, "PRAGMA auto_vacuum"))
		require.Equal(t, 2, mode)
		require.NoError(t, s.Close())
	}
	s := open(t, path)
	pruned, err := s.Prune(t.Context(), store.Retention{Age: time.Hour})
	require.NoError(t, err)
	require.Zero(t, pruned, "their age counts from the migration")
	s.clock.Advance(time.Hour)
	require.NoError(t, s.Commit(t.Context(), []store.Write{puts[3], store.PutDelivered{Slot: puts[3].Block.Header.Slot()}}))
	pruned, err = s.Prune(t.Context(), store.Retention{Age: time.Hour})
	require.NoError(t, err)
	require.Equal(t, store.Pruned{Blocks: 3, Bytes: int64(2 * puts[0].Block.Messages[0].Size())}, pruned)
	entries, err := s.List(t.Context(), 3, keys.Public{}, 10, math.MaxInt)
	require.NoError(t, err)
	require.Equal(t, uint64(4), entries[0].Sequence)
	require.Equal(t, puts[3].Block.Encode(), entries[0].Block.Encode())
}

// writeOldFile creates a file of schema version 2.
func writeOldFile(t *testing.T, path string, certified []store.PutCertified, vote block.Block, empty block.SignedHeader) {
	db := connection(path, "rwc", url.Values{"_journal_mode": {"WAL"}})
	defer db.Close()
	folder, err := fs.Sub(migrations, "migrations")
	require.NoError(t, err)
	provider, err := goose.NewProvider(goose.DialectSQLite3, db.DB, folder, goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), 2)
	require.NoError(t, err)
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := db.Exec(query, args...)
		require.NoError(t, err)
	}
	slot := vote.Header.Slot()
	exec("INSERT INTO chains (chain, group_id, creator, certified, delivered) VALUES (1, ?, ?, 3, 3)", slot.Group[:], slot.Creator[:])
	hold := func(b block.Block) {
		id, ids := b.ID(), []byte{}
		for _, m := range b.Messages {
			messageID := m.ID()
			ids = append(ids, messageID[:]...)
			exec("INSERT INTO messages VALUES (?, ?) ON CONFLICT DO NOTHING", messageID[:], m.Encode())
		}
		exec("INSERT INTO headers (block_id, chain, height, signed, bytes, header) VALUES (?, 1, ?, 1, 1, ?)", id[:], b.Header.Height, canonical.Encode(b.SignedHeader))
		exec("INSERT INTO bodies (block_id, ids) VALUES (?, ?)", id[:], ids)
	}
	for _, put := range certified {
		hold(put.Block)
		id := put.Block.ID()
		exec("INSERT INTO certificates VALUES (1, ?, ?, ?)", put.Block.Header.Height, id[:], put.Certificate.Encode())
	}
	hold(vote)
	id := vote.ID()
	exec("INSERT INTO votes VALUES (1, ?, ?)", vote.Header.Height, id[:])
	hold(block.Block{SignedHeader: empty})
}
