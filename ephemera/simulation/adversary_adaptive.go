package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// adaptive owns the network for a while: it sees whose block is about to reach a quorum, and slows
// every link to and from that creator until others are as far. The model allows it: delays are
// finite and nobody promised that they are fair. A naive node with a leader, or with a timeout that
// gives a slot up, never ends.
type adaptive struct {
	honest
	until int64
}

const (
	adaptiveEvery = 800  // milliseconds between two attacks
	adaptiveSlow  = 1500 // by how much it slows a link
)

func (a *adaptive) receive(p *byzantine, from int, frame wire.Frame) bool {
	f, ok := frame.(wire.Proposal)
	if !ok || p.w.now < a.until || p.w.healed() {
		return true
	}
	a.until = p.w.now + adaptiveEvery*1000
	creator := p.w.places[f.Header.Creator]
	for i := range p.w.nodes {
		p.w.slowed[[2]int{creator, i}] = p.w.now + adaptiveSlow*1000
		p.w.slowed[[2]int{i, creator}] = p.w.now + adaptiveSlow*1000
	}
	return true
}
