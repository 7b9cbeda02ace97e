package pebble

import (
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/lsm"
)

// openIn returns how many files below a folder this process has open.
func openIn(t *testing.T, folder string) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("the system does not tell which files are open")
	}
	count := 0
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && strings.HasPrefix(target, folder) {
			count++
		}
	}
	return count
}

// A database of many tables that is written, compacted and read at the same time keeps within
// Files.
func TestOpenFilesAreBounded(t *testing.T) {
	const limit = 64 // of the process
	folder := filepath.Join(t.TempDir(), "store")
	db, err := openWithin(folder, vfs.Default, slog.New(slog.DiscardHandler), longestWait, limit)
	require.NoError(t, err)
	most := 0
	for round := range 30 {
		var changes []lsm.Change
		for i := range 64 { // ranges overlap, so that tables of all levels are read
			key := []byte{byte(i * 7), byte(round), byte(i)}
			value := make([]byte, 24<<10)
			_, _ = rand.Read(value) // it cannot be compressed
			changes = append(changes, lsm.Change{Key: key, Value: value})
		}
		require.NoError(t, db.Write(changes))
		require.NoError(t, db.db.Flush())
		var reading sync.WaitGroup
		for range 4 {
			reading.Go(func() {
				_ = db.Scan([]byte{0}, []byte{255}, func(_, _ []byte) (bool, error) { return true, nil })
			})
		}
		most = max(most, openIn(t, folder))
		reading.Wait()
	}
	tables := 0
	for _, level := range db.db.Metrics().Levels {
		tables += int(level.TablesCount)
	}
	t.Logf("at most %d files open, of %d allowed, with %d tables at the end", most, Files(limit), tables)
	require.NotZero(t, most)
	require.LessOrEqual(t, most, Files(limit))
	require.Greater(t, tables, fewTables, "fewer tables prove nothing")
	require.NoError(t, db.Scan([]byte{0}, []byte{255}, func(_, _ []byte) (bool, error) { return true, nil }))
	require.Eventually(t, func() bool { return openIn(t, folder) <= fewTables+fixedFiles }, time.Minute, time.Millisecond,
		"at rest, after the last compaction, no more tables are open than are kept")
	require.NoError(t, db.Close())
}
