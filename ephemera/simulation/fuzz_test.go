package simulation_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
)

// reader reads numbers from a fuzzer's bytes, and zeros after their end.
type reader struct{ data []byte }

func (r *reader) below(n int) int {
	var prefix [2]byte
	r.data = r.data[copy(prefix[:], r.data):]
	return int(binary.LittleEndian.Uint16(prefix[:])) % n
}

// scheduleOf turns bytes into a schedule, so that a fuzzer that flips bits moves faults instead of
// changing all random choices. The schedule satisfies the precondition of every promise: at most
// one member is Byzantine or loses its votes.
func scheduleOf(data []byte) simulation.Schedule {
	r := &reader{data}
	n := 4 + r.below(4)
	s := simulation.Schedule{
		Seed: uint64(r.below(1 << 16)), Nodes: n, Members: everybody(n), Heal: 3000, Deadline: 180_000, HandOver: 1500,
		Latency: []simulation.Latency{simulation.Constant, simulation.Uniform, simulation.Heavy, simulation.WAN}[r.below(4)],
		Loss:    r.below(300), Duplicate: r.below(200), AppDelay: int64(r.below(200)), AppFails: r.below(200),
	}
	flags := r.below(32)
	s.All, s.Batch, s.NoGossip, s.Connect, s.Real = flags&1 > 0, flags&2 > 0, flags&4 > 0, flags&8 > 0, flags&24 == 24
	bad := r.below(n)
	if names := simulation.Adversaries(); r.below(2) == 0 {
		s.Byzantine = []simulation.Placement{{Node: bad, Adversary: names[r.below(len(names))]}}
	}
	for range r.below(10) {
		s.Submissions = append(s.Submissions, simulation.Submission{
			At: int64(r.below(3000)), Node: r.below(n), Size: 8 + r.below(100), Label: []string{"", "", simulation.LabelSlow, simulation.LabelPoison}[r.below(4)],
		})
	}
	groups := 0
	for range r.below(12) {
		f := simulation.Fault{At: int64(r.below(3000)), For: int64(1 + r.below(2000)), Node: r.below(n)}
		switch r.below(8) {
		case 0:
			f.Kind = simulation.Crash
		case 1, 2:
			f.Kind, f.Step = simulation.CrashStep, 1+r.below(400)
		case 3:
			f.Kind = simulation.DiskFails
		case 4:
			f.Kind, f.Node = []simulation.FaultKind{simulation.LoseStore, simulation.Restore}[r.below(2)], bad
		case 5:
			f.Kind, f.Nodes = simulation.Partition, everybody(n)[:1+r.below(n-1)]
		case 6:
			if groups++; groups > 2 {
				continue
			}
			f.Kind, f.Nodes, f.At = simulation.NewGroup, everybody(n)[:4+r.below(n-3)], int64(groups*1000)
		case 7:
			f.Kind = simulation.CloseOld
		}
		s.Faults = append(s.Faults, f)
	}
	for range r.below(4) {
		s.Faults = append(s.Faults, simulation.Fault{Kind: simulation.Prune, Node: r.below(n), At: int64(r.below(4000)), Step: r.below(3)})
	}
	return s
}

func FuzzSchedule(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("one member equivocates while another restarts and a group comes"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 400 {
			return
		}
		result, err := simulation.Run(scheduleOf(data), simulation.Options{})
		require.NoError(t, err)
		require.Empty(t, result.Violations, "replay: go run ./ephemera/simulation/cmd/search -replay '%s'", result.Schedule)
	})
}
