package pebble

import "github.com/cockroachdb/pebble/v2"

// Tables that a store keeps open. Tables that are read at the moment stay open beyond that.
const (
	fewTables  = 8
	manyTables = 256
)

// Files that a store has open in addition to the tables that it keeps open: folder, lock, log,
// manifest, what is written by a flush and a compaction, and tables that are read at the moment.
const (
	fixedFiles = 16
	readTables = 32 // of several readers, while compactions are behind
)

// Files returns the most files that a store has open, in a process that may have limit open.
func Files(limit int) int { return fixedFiles + readTables + tables(limit) }

// tables returns how many tables a store keeps open. Opening one takes less than a millisecond, so
// few are enough.
func tables(limit int) int { return max(fewTables, min(limit/16, manyTables)) }

// newTables returns a cache of open tables. Pebble's own one has at least 64.
func newTables(limit int) *pebble.FileCache { return pebble.NewFileCache(1, tables(limit)) }
