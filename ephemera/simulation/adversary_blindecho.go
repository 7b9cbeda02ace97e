package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// blindEcho echoes everything that is proposed, at once and with every Byzantine key: without
// bodies, verdict or parent, and also two blocks of one slot. Its own blocks hold poison. A naive
// node takes an echo as a promise that the block is held. With a quorum that is too small it sees a
// certified block that nobody has, or one that no correct member accepted.
type blindEcho struct {
	ballot *ballot
}

func (a *blindEcho) receive(p *byzantine, _ int, frame wire.Frame) bool {
	switch f := frame.(type) {
	case wire.Proposal:
		p.echoAll(f.Header)
	case wire.Frontier:
		for _, signed := range f.Open {
			p.echoAll(signed.Header)
		}
	case wire.Echo:
		if a.ballot != nil && a.ballot.count(f.Echo) {
			if proof, ok := a.ballot.certificate(); ok {
				for _, victim := range p.victims(a.ballot.group) {
					p.inject(victim, wire.Certificate{Certificate: proof})
				}
			}
			return false
		}
	}
	return true
}

// echoAll sends the creator of a block echoes of it with every Byzantine key.
func (p *byzantine) echoAll(h block.Header) {
	g := p.group(h.Group)
	if g == nil || h.Creator == p.key.Public() {
		return
	}
	for _, friend := range p.allies(g) {
		p.inject(p.w.places[h.Creator], wire.Echo{Echo: friend.node.echo(h.Slot(), h.ID())})
	}
}

func (a *blindEcho) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	height, parent := p.chainHead(g)
	if a.ballot == nil || a.ballot.block.Header.Height != height || a.ballot.group != g {
		a.ballot = newBallot(p, g, p.forgeBlock(g, height, parent, p.newMessage(labelPoison, 20), p.newMessage("", 20)))
	}
	p.injectAll(p.victims(g), wire.Proposal{Proposal: a.ballot.block.Proposal()})
	if p.rng.permille(300) {
		p.injectAll(p.victims(g), wire.Messages{Messages: a.ballot.block.Messages})
	}
}

func (a *blindEcho) send(p *byzantine, to int, frame wire.Frame) {
	if _, own := frame.(wire.Proposal); !own {
		p.forward(to, frame)
	}
}
