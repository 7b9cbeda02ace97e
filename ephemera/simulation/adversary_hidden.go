package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// hidden collects a certificate for its block and shows it to nobody until it does most harm: after
// a member lost its store, or after an old group was closed and its messages went elsewhere. A
// naive node that lost its votes has echoed another block by then. A naive node that closed the
// group drops the certificate, and totality is lost.
type hidden struct {
	ballot *ballot
	proof  *certificate.Certificate
	kept   []wire.Held
}

func (a *hidden) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	height, parent := p.chainHead(g)
	if a.ballot == nil || a.ballot.group != g {
		if a.proof != nil {
			a.kept = append(a.kept, wire.Held{Block: a.ballot.block, Certificate: a.proof})
		}
		a.ballot, a.proof = newBallot(p, g, p.forgeBlock(g, height, parent, p.newMessage("", 40))), nil
	}
	if a.proof == nil {
		p.injectAll(p.victims(g), wire.Messages{Messages: a.ballot.block.Messages})
		p.injectAll(p.victims(g), wire.Proposal{Proposal: a.ballot.block.Proposal()})
		return
	}
	if p.w.now > p.w.schedule.Heal*1000*3/4 || p.w.check.anyLost() {
		a.reveal(p, wire.Held{Block: a.ballot.block, Certificate: a.proof})
	}
	for _, held := range a.kept { // of older groups
		a.reveal(p, held)
	}
}

// reveal shows a certificate to one member at a time.
func (a *hidden) reveal(p *byzantine, held wire.Held) {
	g := p.group(held.Block.Header.Group)
	victims := p.victims(g)
	if len(victims) == 0 {
		return
	}
	victim := victims[p.rng.below(len(victims))]
	p.inject(victim, wire.Certificate{Certificate: *held.Certificate})
	if p.rng.permille(300) {
		p.inject(victim, wire.Blocks{Blocks: []wire.Held{held}})
	}
}

func (a *hidden) receive(p *byzantine, _ int, frame wire.Frame) bool {
	echo, ok := frame.(wire.Echo)
	if !ok || a.ballot == nil || !a.ballot.count(echo.Echo) {
		return true
	}
	if proof, ok := a.ballot.certificate(); ok && a.proof == nil {
		a.proof = &proof
	}
	return false
}

func (a *hidden) send(p *byzantine, to int, frame wire.Frame) {
	if f, ok := frame.(wire.Proposal); ok && f.Header.Creator == p.key.Public() {
		return
	}
	p.forward(to, frame)
}
