package storetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
)

// Disk is a storage medium, simulated or real, on which a crash can be simulated. It contains the
// store of one node.
type Disk interface {
	// Open is an Opener.
	Open() (store.Store, error)
	// Crash returns the disk as a kill or a power loss would leave it now: with everything that was
	// synced and an arbitrary part of the rest. The original disk stays usable.
	Crash(t *testing.T, random *rand.Rand) Disk
}

// Torn is a Disk that can also simulate a power loss in the middle of a write.
type Torn interface {
	Disk
	// Mark records the current state.
	Mark(t *testing.T)
	// Tear returns the disk as a power loss between the last Mark and now would leave it, or nil if
	// it cannot simulate one.
	Tear(t *testing.T, random *rand.Rand) Disk
}

// RunCrash crashes stores at every step of random histories and compares what is left on the disk
// with store/memory. anywhere says that Crash may be called while the store writes.
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

// step is one operation on a store. An operation may fail, but then it fails in every
// implementation.
type step func(*testing.T, store.Store) error

// history returns random steps on two groups: votes, certificates with and without messages, late
// echoes, deliveries, evidence, groups, starts and retention. Blocks share messages.
func history(t *testing.T, random *rand.Rand, length int) []step {
	fixtures := []*fixture{newFixture(t, 1), newFixture(t, 2)}
	identity := store.Identity{Network: "storetest", Key: fixtures[0].members[1].Public()}
	steps := []step{func(t *testing.T, s store.Store) error { return s.SetIdentity(t.Context(), identity) }}
	for len(steps) < length {
		switch random.IntN(12) {
		case 0:
			identity.Starts++
			started := identity
			steps = append(steps, func(t *testing.T, s store.Store) error { return s.SetIdentity(t.Context(), started) })
		case 1, 2:
			// Half an hour more than whole hours, so that what the steps take does not matter.
			hours := func() time.Duration { return time.Duration(random.Int64N(5))*time.Hour - time.Hour/2 }
			retention := store.Retention{Age: hours(), Keep: random.Uint64N(5), Messages: random.Int64N(40), Remember: hours()}
			steps = append(steps, func(t *testing.T, s store.Store) error {
				s.(clocked).Clock().Advance(time.Hour)
				_, err := s.Prune(t.Context(), retention)
				return err
			})
		default:
			var writes []store.Write
			for range 1 + random.IntN(4) {
				writes = append(writes, fixtures[random.IntN(2)].draw(random)...)
			}
			steps = append(steps, func(t *testing.T, s store.Store) error { return s.Commit(t.Context(), writes) })
		}
	}
	return steps
}

// draw returns random writes, one to three.
func (f *fixture) draw(random *rand.Rand) []store.Write {
	creator, height := random.IntN(4), 1+random.Uint64N(8)
	size := 0
	if random.IntN(8) == 0 {
		size = 5000
	}
	times := []int64{int64(height), int64(2 * height), int64(10 + height)}[:random.IntN(4)]
	if random.IntN(30) > 0 {
		// Usually the same block for the same slot, so that few writes are refused.
		times = []int64{int64(height), int64(2 * height)}
		size = 100
	}
	put := f.at(creator, height, size, times...)
	switch random.IntN(10) {
	case 0:
		return []store.Write{store.PutEvidence{Evidence: f.evidence(creator, "x")}, store.PutFork{Fork: f.fork(creator, height, "x")}}
	case 1:
		return []store.Write{store.PutGroup{Group: f.group}, store.PutClosed{Group: f.group.ID()}}
	case 2:
		return []store.Write{store.PutGroup{Group: f.group}}
	case 3:
		return []store.Write{store.PutDelivered{Slot: f.slot(creator, height)}}
	case 4:
		return []store.Write{withoutMessages(put)}
	case 5:
		put.Certificate = f.certify(put.Block, 0, 1, 2, 3)
		return []store.Write{put}
	case 6:
		return []store.Write{store.PutVote{Block: put.Block}}
	default:
		return []store.Write{store.PutVote{Block: put.Block}, put, store.PutDelivered{Slot: f.slot(creator, height)}}
	}
}

// dump returns everything that can be read from a store.
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
		state := newFixture(t, number).load(s)
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
	forks, err := s.Forks(t.Context())
	require.NoError(t, err)
	for _, f := range forks {
		add("fork", f.A.Encode(), f.B.Encode())
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
	forgotten, err := s.Forgotten(t.Context())
	require.NoError(t, err)
	return append(all, fmt.Sprint(included, forgotten))
}

func opened(t *testing.T, d Disk) store.Store {
	t.Helper()
	s, err := d.Open()
	require.NoError(t, err)
	return s
}

// dumpDisk opens the store on a disk, dumps it and closes it.
func dumpDisk(t *testing.T, d Disk) []string {
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
				require.Contains(t, [][]string{before, after}, dumpDisk(t, d), "step %d, torn", i)
			}
		}
		crashed := disk.Crash(t, random)
		require.Equal(t, after, dumpDisk(t, crashed), "step %d", i)
		if random.IntN(5) == 0 { // continue on the crashed disk
			require.NoError(t, s.Close())
			disk, s = crashed, opened(t, crashed)
		}
	}
}

// crashWithinSteps crashes disks while a store commits. Each must hold what one of the commits
// left. Prune is left out, because it makes several transactions and so leaves states in between;
// crashAfterSteps covers it.
func crashWithinSteps(t *testing.T, disk Disk, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	f, model, s := newFixture(t, 1), memory.New(), opened(t, disk)
	var (
		commits [][]store.Write
		states  = [][]string{dump(t, model)} // before the first commit, and after each
	)
	for len(commits) < 100 {
		writes := append(f.draw(random), f.draw(random)...)
		if model.Commit(t.Context(), writes) == nil {
			commits, states = append(commits, writes), append(states, dump(t, model))
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
		require.Contains(t, states[low:high+1], dumpDisk(t, crashed), "between commits %d and %d", low, high)
		last = low
	}
	writing.Wait()
	require.NoError(t, s.Close())
}
