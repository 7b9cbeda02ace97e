package simulation

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// liar sends frontiers that are far ahead of or behind everybody, lists bodies that it does not
// send, claims evidence that it does not have, and answers requests with blocks without
// certificates. A naive node that trusts a frontier considers itself behind forever, stops
// resending to a member that claims to have everything, or asks nobody else.
type liar struct{ honest }

func (liar) send(p *byzantine, to int, frame wire.Frame) {
	switch f := frame.(type) {
	case wire.Frontier:
		p.sendFalseFrontier(to, f)
		return
	case wire.Fresh:
		p.sendFalseAnswer(to, f)
		return
	case wire.Blocks:
		if p.rng.permille(700) {
			held := f.Blocks[len(f.Blocks)-1]
			held.Certificate = nil
			p.inject(to, wire.Blocks{Blocks: []wire.Held{held}})
			return
		}
	case wire.Messages:
		if p.rng.permille(700) {
			return
		}
	}
	p.forward(to, frame)
}

func (p *byzantine) sendFalseFrontier(to int, f wire.Frontier) {
	ahead := p.rng.permille(700)
	f.Certified = append([]uint64(nil), f.Certified...)
	f.Evidence = nil
	for i := range f.Certified {
		switch {
		case ahead && p.rng.permille(300):
			f.Certified[i] = canonical.MaxNumber - uint64(p.rng.below(2))
		case ahead:
			f.Certified[i] += uint64(1 + p.rng.below(100))
		default:
			f.Certified[i] = 0
		}
		if p.rng.permille(300) {
			f.Evidence = append(f.Evidence, uint32(i))
		}
	}
	var listing wire.Listing
	for i := range 3 {
		listing.Messages = append(listing.Messages, wire.Listed{ID: block.MessageID{1, 2, byte(i), byte(p.rng.next())}, Sender: p.key.Public()})
	}
	if p.rng.permille(500) {
		f.Tips = block.Digest{byte(p.rng.next())}
	}
	p.inject(to, f)
	p.inject(to, listing)
}

// sendFalseAnswer claims heights that nobody has, which a member that starts may wait for.
func (p *byzantine) sendFalseAnswer(to int, f wire.Fresh) {
	f.Frontier.Certified = slices.Clone(f.Frontier.Certified)
	for i := range f.Frontier.Certified {
		if p.rng.permille(300) {
			f.Frontier.Certified[i] = canonical.MaxNumber
		}
	}
	p.inject(to, f)
}

func (liar) tick(p *byzantine) {
	if g := p.targetGroup(); g != nil {
		for _, victim := range p.victims(g) {
			p.sendFalseFrontier(victim, wire.Frontier{Group: g.ID(), Certified: make([]uint64, g.N())})
		}
	}
}
