package storetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
)

// Disk is where one node's store lives, with the power to fail.
type Disk interface {
	// Open is an Opener.
	Open() (store.Store, error)
	// Crash returns the disk that a kill or a loss of power at this moment leaves: with all that was
	// synced, and whatever part of the rest. The disk itself goes on.
	Crash(t *testing.T, random *rand.Rand) Disk
}

// Torn is a Disk that can show a loss of power in the middle of a write.
type Torn interface {
	Disk
	// Mark remembers this moment.
	Mark(t *testing.T)
	// Tear returns the disk of a moment between the last Mark and now, nil where it cannot.
	Tear(t *testing.T, random *rand.Rand) Disk
}

// RunCrash lets stores fail at every step of random histories, and compares what is found
// afterwards with store/memory. Anywhere says that Crash may be called while the store writes.
func RunCrash(t *testing.T, fresh func(t *testing.T) Disk, anywhere bool) {
	seeds, steps := uint64(1), 40
	if !testing.Short() {
		seeds, steps = 3, 80
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("after each step, seed %d", seed), func(t *testing.T) { crashAfterSteps(t, fresh(t), seed, steps) })
		if anywhere {
			t.Run(fmt.Sprintf("within steps, seed %d", seed), func(t *testing.T) { crashWithinSteps(t, fresh(t), seed) })
		}
	}
}

// step is one thing that a node does with its store. Some are refused, by every implementation
// alike.
type step func(*testing.T, store.Store) error

// history draws the steps of a node's life: votes, certificates with and without messages, late
// echoes, deliveries, evidence, groups, starts and retention, over two groups. Messages are shared
// between blocks.
func history(t *testing.T, random *rand.Rand, length int) []step {
	worlds := []*world{newWorld(t, 1), newWorld(t, 2)}
	identity := store.Identity{Network: "storetest", Key: worlds[0].members[1].Public()}
	steps := []step{func(t *testing.T, s store.Store) error { return s.SetIdentity(t.Context(), identity) }}
	for len(steps) < length {
		switch random.IntN(12) {
		case 0:
			identity.Starts++
			started := identity
			steps = append(steps, func(t *testing.T, s store.Store) error { return s.SetIdentity(t.Context(), started) })
		case 1, 2:
			retention := store.Retention{Before: random.Int64N(8), Keep: random.Uint64N(5), Messages: random.Int64N(40)}
			steps = append(steps, func(t *testing.T, s store.Store) error {
				_, err := s.Prune(t.Context(), retention)
				return err
			})
		default:
			var writes []store.Write
			for range 1 + random.IntN(4) {
				writes = append(writes, worlds[random.IntN(2)].draw(random)...)
			}
			steps = append(steps, func(t *testing.T, s store.Store) error { return s.Commit(t.Context(), writes) })
		}
	}
	return steps
}

// draw makes one or a few writes.
func (w *world) draw(random *rand.Rand) []store.Write {
	creator, height := random.IntN(4), 1+random.Uint64N(8)
	size := 0
	if random.IntN(8) == 0 {
		size = 5000
	}
	times := []int64{int64(height), int64(2 * height), int64(10 + height)}[:random.IntN(4)]
	if random.IntN(30) > 0 {
		times = []int64{int64(height), int64(2 * height)} // mostly the same block, so that few writes are refused
		size = 100
	}
	put := w.at(creator, height, size, times...)
	switch random.IntN(10) {
	case 0:
		return []store.Write{store.PutEvidence{Evidence: w.evidence(creator, "x")}}
	case 1:
		return []store.Write{store.PutGroup{Group: w.group}, store.PutClosed{Group: w.group.ID()}}
	case 2:
		return []store.Write{store.PutGroup{Group: w.group}}
	case 3:
		return []store.Write{store.PutDelivered{Slot: w.slot(creator, height)}}
	case 4:
		return []store.Write{bare(put)}
	case 5:
		put.Certificate = w.certify(put.Block, 0, 1, 2, 3)
		return []store.Write{put}
	case 6:
		return []store.Write{store.PutVote{Block: put.Block}}
	default:
		return []store.Write{store.PutVote{Block: put.Block}, put, store.PutDelivered{Slot: w.slot(creator, height)}}
	}
}

// dump returns all that a store tells.
func dump(t *testing.T, s store.Store) []string {
	t.Helper()
	var all []string
	add := func(what string, of ...any) { all = append(all, what+fmt.Sprintf(" %x", of)) }
	identity, err := s.Identity(t.Context())
	add(fmt.Sprint("identity ", identity, err != nil))
	groups, err := s.Groups(t.Context())
	require.NoError(t, err)
	for _, g := range groups {
		add(fmt.Sprint("group closed ", g.Closed), g.Group.Encode())
	}
	for _, number := range []uint64{1, 2} {
		state := newWorld(t, number).load(s)
		for _, c := range state.Chains {
			add(fmt.Sprint("chain ", number, c.Certified, c.Delivered), c.Creator, c.Tip)
			for _, v := range c.Votes {
				add("vote", v.Encode())
			}
		}
	}
	evidence, err := s.Equivocations(t.Context())
	require.NoError(t, err)
	for _, e := range evidence {
		add("evidence", canonical.Encode(e.A), canonical.Encode(e.B))
	}
	entries, err := s.List(t.Context(), 0, keys.Public{}, math.MaxInt, math.MaxInt)
	require.NoError(t, err)
	for _, e := range entries {
		add("certified", e.Block.Encode(), e.Certificate.Encode())
		_, err := s.Block(t.Context(), e.Block.ID())
		add(fmt.Sprint("held ", err == nil))
	}
	included, err := s.Included(t.Context(), 0)
	require.NoError(t, err)
	return append(all, fmt.Sprint(included))
}

func opened(t *testing.T, d Disk) store.Store {
	t.Helper()
	s, err := d.Open()
	require.NoError(t, err)
	return s
}

// found opens a disk and returns what is on it.
func found(t *testing.T, d Disk) []string {
	t.Helper()
	s := opened(t, d)
	all := dump(t, s)
	require.NoError(t, s.Close())
	return all
}

func crashAfterSteps(t *testing.T, disk Disk, seed uint64, steps int) {
	random := rand.New(rand.NewPCG(seed, 1))
	model, s := memory.New(), opened(t, disk)
	defer func() { require.NoError(t, s.Close()) }()
	for i, do := range history(t, random, steps) {
		torn, can := disk.(Torn)
		if can {
			torn.Mark(t)
		}
		before := dump(t, model)
		want, have := do(t, model), do(t, s)
		require.Equal(t, want == nil, have == nil, "step %d: %v, expected %v", i, have, want)
		after := dump(t, model)
		if can {
			if d := torn.Tear(t, random); d != nil {
				require.Contains(t, [][]string{before, after}, found(t, d), "step %d, torn", i)
			}
		}
		crashed := disk.Crash(t, random)
		require.Equal(t, after, found(t, crashed), "step %d", i)
		if random.IntN(5) == 0 { // life goes on after the crash
			require.NoError(t, s.Close())
			disk, s = crashed, opened(t, crashed)
		}
	}
}

// crashWithinSteps takes disks while a store writes. Prune writes many times, so that there are
// more moments than steps; it is left out, and checked step by step above.
func crashWithinSteps(t *testing.T, disk Disk, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	w, model, s := newWorld(t, 1), memory.New(), opened(t, disk)
	var (
		commits [][]store.Write
		moments = [][]string{dump(t, model)}
	)
	for len(commits) < 100 {
		writes := append(w.draw(random), w.draw(random)...)
		if model.Commit(t.Context(), writes) == nil {
			commits, moments = append(commits, writes), append(moments, dump(t, model))
		}
	}
	var (
		done    atomic.Int64
		writing sync.WaitGroup
	)
	writing.Go(func() {
		for _, writes := range commits {
			if err := s.Commit(t.Context(), writes); err != nil {
				t.Errorf("commit %d: %v", done.Load(), err)
				return
			}
			done.Add(1)
		}
	})
	for last := int64(0); last < int64(len(commits)) && !t.Failed(); {
		low := done.Load()
		crashed := disk.Crash(t, random)
		high := min(done.Load()+1, int64(len(commits)))
		require.Contains(t, moments[low:high+1], found(t, crashed), "between commits %d and %d", low, high)
		last = low
	}
	writing.Wait()
	require.NoError(t, s.Close())
}
