package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// chain makes full blocks one after the other as fast as members echo them. A naive node lets in
// all of them: they fill its disk, its commits and its links.
type chain struct {
	ballot *ballot
	proof  bool
}

func (a *chain) tick(p *byzantine) {
	if g := p.targetGroup(); g != nil && (a.ballot == nil || a.ballot.group != g) {
		height, parent := p.chainHead(g)
		a.propose(p, height, parent)
	} else if g != nil && !a.proof {
		p.injectAll(p.victims(g), wire.Proposal{Proposal: a.ballot.block.Proposal()})
	}
}

// propose sends the bodies of the next block, and proposes it.
func (a *chain) propose(p *byzantine, height uint64, parent block.ID) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	var messages []block.Message
	size := 0
	for size < int(g.Limits().BlockBytes)-2*maxPayload && len(messages) < int(g.Limits().BlockMessages) {
		m := p.newMessage("", maxPayload-100)
		messages, size = append(messages, m), size+m.Size()
	}
	a.ballot, a.proof = newBallot(p, g, p.forgeBlock(g, height, parent, messages...)), false
	p.injectAll(p.victims(g), wire.Messages{Messages: messages})
	p.injectAll(p.victims(g), wire.Proposal{Proposal: a.ballot.block.Proposal()})
}

func (a *chain) receive(p *byzantine, _ int, frame wire.Frame) bool {
	echo, ok := frame.(wire.Echo)
	if !ok || a.ballot == nil || !a.ballot.count(echo.Echo) {
		return true
	}
	proof, ok := a.ballot.certificate()
	if !ok || a.proof {
		return false
	}
	a.proof = true
	p.injectAll(p.victims(a.ballot.group), wire.Certificate{Certificate: proof})
	a.propose(p, proof.Slot.Height+1, proof.Block)
	return false
}

func (a *chain) send(p *byzantine, to int, frame wire.Frame) {
	if _, own := frame.(wire.Proposal); !own {
		p.forward(to, frame)
	}
}

func (a *chain) suppressesBlocks(int64) bool { return true }
