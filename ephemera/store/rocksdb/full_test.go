//go:build rocksdb

package rocksdb

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/lsm"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

// filling is a database on a disk that a test fills.
type filling struct {
	*database
	full *atomic.Bool
}

func (f filling) Free() (uint64, bool) {
	if f.full.Load() {
		return 0, true
	}
	return f.database.Free()
}

func TestFullDiskRefusesCommits(t *testing.T) {
	storetest.RunRefused(t, func(t *testing.T) storetest.Refusing {
		var full atomic.Bool
		path := filepath.Join(t.TempDir(), "store")
		return storetest.Refusing{
			Open: func() (store.Store, error) {
				db, err := openDatabase(path)
				if err != nil {
					return nil, err
				}
				return lsm.New(filling{db, &full}, nil)
			},
			Refuse: func(*testing.T) { full.Store(true) },
			Accept: func(*testing.T) { full.Store(false) },
			Want:   store.ErrFull,
		}
	})
}

func TestErrorsHaveTheClassOfTheirCause(t *testing.T) {
	for text, class := range map[string]diskfault.Class{
		"IO error: No space left on device: While appending to file: store/000004.log": diskfault.Full,
		"IO error: No space left on device: While fdatasync: store/000004.log":         diskfault.Unsynced,
		"IO error: Read-only file system: While open a file for appending: store/LOG":  diskfault.ReadOnly,
		"IO error: While lock file: store/LOCK: Resource temporarily unavailable":      diskfault.Broken,
		"Corruption: checksum mismatch in MANIFEST":                                    diskfault.Damaged,
		"Invalid argument: store: does not exist":                                      diskfault.None,
	} {
		require.Equal(t, class, diskfault.Of(explained(errors.New(text))), text)
	}
}
