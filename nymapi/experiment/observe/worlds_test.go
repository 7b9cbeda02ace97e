package observe

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSharedWorldsAreTheSameAsOthers(t *testing.T) {
	var worlds Worlds
	var callers sync.WaitGroup
	for seed := range uint64(4) {
		for _, observers := range []int{4, 7, sharedObservers + 2} {
			w := World{Seed: seed, Observers: observers, Mixnodes: 10, Epochs: 5, Ticks: 2}
			want, err := w.Observe()
			require.NoError(t, err)
			for range 2 {
				callers.Go(func() {
					got, err := worlds.Observe(w)
					assert.NoError(t, err)
					assert.Equal(t, want, got)
				})
			}
		}
	}
	callers.Wait()
}

func TestOnlyTheLastWorldsAreRemembered(t *testing.T) {
	var worlds Worlds
	world := func(seed uint64) World {
		return World{Seed: seed, Observers: 4, Mixnodes: 1, Epochs: 1, Ticks: 1}
	}
	observe := func(seed uint64) {
		_, err := worlds.Observe(world(seed))
		require.NoError(t, err)
	}
	for seed := range uint64(2 * mostKnown) {
		observe(0)
		observe(seed)
	}
	require.Len(t, worlds.known, mostKnown)
	require.EqualValues(t, 2*mostKnown-1, worlds.known[mostKnown-1].world.Seed)
	require.EqualValues(t, 0, worlds.known[mostKnown-2].world.Seed, "it was used just before")
}

func TestAnInvalidWorldIsAnErrorEveryTime(t *testing.T) {
	var worlds Worlds
	for range 2 {
		_, err := worlds.Observe(World{})
		require.Error(t, err)
	}
}
