package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// equivocate signs two blocks for one slot and shows each to half of the members. It echoes both
// with every Byzantine key and spreads every certificate that results. A naive node that identifies
// blocks by hash alone delivers both. A naive node that echoes the second block when the first
// makes no progress helps to certify both.
type equivocate struct {
	ballots []*ballot
	height  uint64
	group   membership.ID
	rounds  int
}

func (a *equivocate) send(p *byzantine, to int, frame wire.Frame) {
	if _, own := frame.(wire.Proposal); !own {
		p.forward(to, frame)
	}
}

func (a *equivocate) suppressesBlocks(int64) bool { return true }

func (a *equivocate) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	height, parent := p.chainHead(g)
	if a.height != height || a.group != g.ID() {
		a.height, a.group, a.rounds = height, g.ID(), 0
		a.ballots = []*ballot{
			newBallot(p, g, p.forgeBlock(g, height, parent, p.newMessage("", 16))),
			newBallot(p, g, p.forgeBlock(g, height, parent, p.newMessage("", 24))),
		}
	}
	if a.rounds++; a.rounds > 40 {
		return
	}
	var halves [2][]int
	for i, victim := range p.victims(g) {
		side := i % 2
		if a.rounds%8 == 0 { // sometimes everybody sees the other one
			side = 1 - side
		}
		halves[side] = append(halves[side], victim)
	}
	for side, victims := range halves {
		b := a.ballots[side].block
		p.injectAll(victims, wire.Messages{Messages: b.Messages})
		p.injectAll(victims, wire.Proposal{Proposal: b.Proposal()})
	}
}

func (a *equivocate) receive(p *byzantine, _ int, frame wire.Frame) bool {
	echo, ok := frame.(wire.Echo)
	if !ok {
		return true
	}
	for _, v := range a.ballots {
		if !v.count(echo.Echo) {
			continue
		}
		if proof, ok := v.certificate(); ok {
			p.injectAll(p.victims(v.group), wire.Certificate{Certificate: proof})
			p.injectAll(p.victims(v.group), wire.Blocks{Blocks: []wire.Held{{Block: v.block, Certificate: &proof}}})
		}
		return false
	}
	return true
}
