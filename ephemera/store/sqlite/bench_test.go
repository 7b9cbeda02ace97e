package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

func BenchmarkCommit(b *testing.B) {
	storetest.BenchmarkCommit(b, func(b *testing.B) storetest.Opener {
		path := filepath.Join(b.TempDir(), "store")
		return func() (store.Store, error) { return Open(path, nil) }
	})
}

func BenchmarkRound(b *testing.B) {
	storetest.BenchmarkRound(b, func(b *testing.B) storetest.Opener {
		path := filepath.Join(b.TempDir(), "store")
		return func() (store.Store, error) { return Open(path, nil) }
	})
}
