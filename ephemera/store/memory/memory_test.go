package memory_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Opener {
		disk := memory.NewDisk()
		return func() (store.Store, error) {
			s, err := disk.Open()
			if err != nil {
				return nil, err // not a nil pointer in an interface
			}
			return s, nil
		}
	})
}

// crashing implements storetest.Disk.
type crashing struct{ *memory.Disk }

func (c crashing) Open() (store.Store, error) { return c.Disk.Open() }

func (c crashing) Crash(*testing.T, *rand.Rand) storetest.Disk { return crashing{c.Snapshot()} }

func TestCrashes(t *testing.T) {
	storetest.RunCrash(t, func(*testing.T) storetest.Disk { return crashing{memory.NewDisk()} }, true)
}

func TestSnapshotIsACopyOfItsMoment(t *testing.T) {
	disk := memory.NewDisk()
	s, err := disk.Open()
	require.NoError(t, err)
	require.NoError(t, s.SetIdentity(t.Context(), store.Identity{Network: "n", Starts: 1}))
	copied := disk.Snapshot()
	require.NoError(t, s.SetIdentity(t.Context(), store.Identity{Network: "n", Starts: 2}))

	old, err := copied.Open()
	require.NoError(t, err)
	identity, err := old.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.Identity{Network: "n", Key: keys.Public{}, Starts: 1}, identity)
}

func TestClosedStoreIsRefused(t *testing.T) {
	s := memory.New()
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.Error(t, s.Commit(t.Context(), nil))
	_, err := s.Identity(t.Context())
	require.Error(t, err)
}

// rotting implements storetest.Rotting.
type rotting struct{ *memory.Disk }

func (r rotting) Open() (store.Store, error) { return r.Disk.Open() }

func (r rotting) Rot(t *testing.T, old, replacement []byte) {
	require.NotZero(t, r.Disk.Rot(old, replacement))
}

func TestRot(t *testing.T) {
	storetest.RunRot(t, func(*testing.T) storetest.Rotting { return rotting{memory.NewDisk()} })
}
