package simulation

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// exploration tries every order in which frames, a timer of each member and one crash with restart
// can reach three correct members while the fourth equivocates in one slot. A member is a function
// of what reached it, in order. So two paths that gave every member the same history are one state,
// and the second one is cut off. Frontiers are left out: timers send them.
type exploration struct {
	t      *testing.T
	depth  int
	seen   map[[4]uint64]int // to what depth below a state everything was tried
	states int
	paths  int
}

// move is one thing that can happen next.
type move struct {
	// 'd': the index-th frame in flight arrives; 't': the timer of the member; 'c': the member
	// crashes.
	kind   byte
	index  int
	member int
}

// exploredWorld is a world whose frames wait until one is chosen.
type exploredWorld struct {
	*world
	flight  []task
	history [4]uint64
	ticked  [4]bool
	crashed bool
}

// twoFaced shows both blocks to everybody, counts echoes, and spreads every certificate that it can
// make.
type twoFaced struct {
	equivocate
	spread [2]bool
}

func (a *twoFaced) tick(p *byzantine) {
	g := p.targetGroup()
	for _, size := range []int{16, 24} {
		b := p.forgeBlock(g, 1, [32]byte{}, p.newMessage("", size))
		a.ballots = append(a.ballots, newBallot(p, g, b))
	}
	for _, v := range a.ballots {
		p.injectAll(p.victims(g), wire.Proposal{Proposal: v.block.Proposal()})
	}
}

func (a *twoFaced) receive(p *byzantine, _ int, frame wire.Frame) bool {
	switch f := frame.(type) {
	case wire.Echo:
		for i, v := range a.ballots {
			if v.count(f.Echo) {
				if proof, ok := v.certificate(); ok && !a.spread[i] {
					a.spread[i] = true
					p.injectAll(p.victims(v.group), wire.Certificate{Certificate: proof})
				}
			}
		}
	case wire.GetMessages:
		for _, v := range a.ballots {
			for _, m := range v.block.Messages {
				for _, id := range f.IDs {
					if m.ID() == id {
						p.injectAll(p.victims(v.group), wire.Messages{Messages: v.block.Messages})
					}
				}
			}
		}
	}
	return false
}

func newExploredWorld() *exploredWorld {
	s := Schedule{
		Seed: 5, Nodes: 4, Members: []int{0, 1, 2, 3}, Byzantine: []Placement{{Node: 3, Adversary: "silent"}},
		Heal: 1, Deadline: 1_000_000,
	}
	w := &exploredWorld{world: newWorld(s, Options{})}
	byzantine := w.nodes[3].byzantine
	byzantine.adversary = &twoFaced{}
	w.begin()
	w.settle()
	w.flight = nil // the first frontiers, which are all empty
	byzantine.adversary.tick(byzantine)
	// The bodies are in all mempools, as after undisturbed gossip.
	for _, v := range byzantine.adversary.(*twoFaced).ballots {
		for i := range 3 {
			w.nodes[i].received(byzantine.key.Public(), wire.AssumeVerified(wire.Messages{Messages: v.block.Messages}))
		}
	}
	w.settle()
	return w
}

// settle lets applications answer and frames reach the adversary at once. Other frames wait.
func (w *exploredWorld) settle() {
	for w.queue.len() > 0 {
		_, o := w.queue.pop()
		switch {
		case o.kind == answer || o.kind == recovery:
			w.handle(o)
		case o.kind != arrival:
		case o.to == 3:
			w.history[3] = hash(w.history[3], contentOf(o))
			w.arrive(o)
		default:
			if _, ok := o.frame.(wire.Frontier); !ok {
				w.flight = append(w.flight, o)
			}
		}
	}
}

func contentOf(o task) uint64 {
	h := uint64(o.from)
	for _, b := range wire.Encode(o.frame) {
		h = (h ^ uint64(b)) * tracePrime
	}
	return h
}

func (w *exploredWorld) moves() (moves []move) {
	for i, o := range w.flight {
		moves = append(moves, move{kind: 'd', index: i, member: int(o.to)})
	}
	for i := range 3 {
		if !w.ticked[i] {
			moves = append(moves, move{kind: 't', member: i})
		}
		if !w.crashed && i == 0 { // all members are alike
			moves = append(moves, move{kind: 'c', member: i})
		}
	}
	return moves
}

func (w *exploredWorld) do(m move) {
	n := w.nodes[m.member]
	note := uint64(m.kind)
	switch m.kind {
	case 'd':
		o := w.flight[m.index]
		w.flight = append(w.flight[:m.index:m.index], w.flight[m.index+1:]...)
		note = contentOf(o)
		w.arrive(o)
	case 't':
		w.ticked[m.member] = true
		w.now = 30_000 // the same time for everybody: time is not part of a state
		n.timerAt = w.now
		n.timer(n.incarnation)
	case 'c':
		w.crashed = true
		n.crash(1)
	}
	w.history[m.member] = hash(w.history[m.member], note)
	w.settle()
}

// explore tries all moves after a path.
func (e *exploration) explore(path []move) {
	w := newExploredWorld()
	for _, m := range path {
		w.do(m)
	}
	e.paths++
	require.Empty(e.t, w.check.violations, "after %v", path)
	left := e.depth - len(path)
	if before, ok := e.seen[w.history]; ok && before >= left {
		return
	} else if !ok {
		e.states++
	}
	e.seen[w.history] = left
	if left == 0 {
		return
	}
	for _, m := range w.moves() {
		e.explore(append(path[:len(path):len(path)], m))
	}
}

func TestEveryInterleavingOfOneEquivocatedSlot(t *testing.T) {
	e := exploration{t: t, depth: 4, seen: map[[4]uint64]int{}}
	if !testing.Short() {
		e.depth = 6
	}
	e.explore(nil)
	t.Logf("%d states to a depth of %d, reached on %d paths", e.states, e.depth, e.paths)
	require.Greater(t, e.states, 1000)
}
