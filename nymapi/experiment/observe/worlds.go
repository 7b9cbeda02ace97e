package observe

import (
	"slices"
	"sync"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Worlds computes each world once and remembers the last ones, so that all cells of a seed share
// their measurements. It is safe for concurrent use.
type Worlds struct {
	mu    sync.Mutex
	known []*known // the one that was used last is last
}

// known is a world that is computed by the first caller, while others wait.
type known struct {
	world  World
	once   sync.Once
	result Observations
	err    error
}

const (
	// mostKnown bounds the memory: about 2 MB for each world of 240 mixnodes and 100 epochs.
	mostKnown = 12
	// sharedObservers is how many observers are computed for a smaller group, so that groups of all
	// sizes share a world.
	sharedObservers = 20
)

// Observe is [World.Observe].
func (w *Worlds) Observe(world World) (Observations, error) {
	observers := world.Observers
	world.Observers = max(observers, sharedObservers)
	k := w.find(world)
	k.once.Do(func() { k.result, k.err = world.Observe() })
	return k.result.First(observers), k.err
}

// find returns the entry of a world, and makes it the last one to be forgotten.
func (w *Worlds) find(world World) *known {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := &known{world: world}
	if i := slices.IndexFunc(w.known, func(k *known) bool { return k.world == world }); i >= 0 {
		found = w.known[i]
		w.known = slices.Delete(w.known, i, i+1)
	}
	w.known = append(w.known, found)
	if len(w.known) > mostKnown {
		w.known = slices.Delete(w.known, 0, 1)
	}
	return found
}

// First returns the observations of the first observers only.
func (o Observations) First(observers int) Observations {
	values := make([][][]metrics.Uptime, len(o.Values))
	for e, rows := range o.Values {
		values[e] = rows[:observers:observers]
	}
	o.Values = values
	return o
}
