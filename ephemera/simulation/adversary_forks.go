package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// forks signs another block for the same slot as fast as it can, and shows no block twice. A naive
// node keeps all of them, or sends each proof to everybody.
type forks struct {
	honest
	made uint64
}

func (a *forks) tick(p *byzantine) {
	p.flood(func(g *membership.Group, number int) wire.Frame {
		a.made++
		height, parent := p.chainHead(g)
		b := p.forgeBlock(g, height, parent)
		b.Header.Time += int64(a.made)
		b.SignedHeader = p.sign(b.Header)
		if number%2 == 0 {
			return wire.Proposal{Proposal: b.Proposal()}
		}
		other := b.SignedHeader
		other.Header.Time++
		other = p.sign(other.Header)
		low, high := b.SignedHeader, other
		if lowID, highID := low.Header.ID(), high.Header.ID(); lowID.Compare(highID) > 0 {
			low, high = high, low
		}
		return wire.Evidence{A: low, B: high}
	})
}

func (a *forks) send(p *byzantine, to int, frame wire.Frame) {
	if _, own := frame.(wire.Proposal); !own {
		p.forward(to, frame)
	}
}

func (a *forks) suppressesBlocks(int64) bool { return true }
