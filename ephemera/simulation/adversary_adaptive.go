package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// adaptive controls the network for a while. It sees whose block is about to reach a quorum, and
// slows every link to and from that creator until other blocks are as far. The model allows this:
// delays are finite, and nothing promises that they are fair. A naive node with a leader, or with a
// timeout that abandons a slot, never finishes.
type adaptive struct {
	honest
	until int64
}

const (
	adaptiveEvery = 800  // milliseconds between two attacks
	adaptiveSlow  = 1500 // milliseconds that it adds to a link
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
