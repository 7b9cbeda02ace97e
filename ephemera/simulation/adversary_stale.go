package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// stale stays active in old groups. It proposes and echoes there, and never says that it closed
// them. A naive node continues to sign in a group that its application closed, or counts the old
// group's echoes in the new one.
type stale struct {
	ballots map[uint64]*ballot
}

func (a *stale) tick(p *byzantine) {
	if a.ballots == nil {
		a.ballots = map[uint64]*ballot{}
	}
	for _, g := range p.w.groups[:p.knownGroups] {
		if !g.Contains(p.key.Public()) {
			continue
		}
		height, parent := p.chainHead(g)
		v := a.ballots[g.Number()]
		if v == nil || v.block.Header.Height != height {
			v = newBallot(p, g, p.forgeBlock(g, height, parent, p.newMessage("", 30)))
			a.ballots[g.Number()] = v
		}
		p.injectAll(p.victims(g), wire.Messages{Messages: v.block.Messages})
		p.injectAll(p.victims(g), wire.Proposal{Proposal: v.block.Proposal()})
	}
}

func (a *stale) receive(p *byzantine, _ int, frame wire.Frame) bool {
	echo, ok := frame.(wire.Echo)
	if !ok {
		return true
	}
	for _, g := range p.w.groups[:p.knownGroups] {
		v := a.ballots[g.Number()]
		if v == nil || !v.count(echo.Echo) {
			continue
		}
		if proof, ok := v.certificate(); ok {
			p.injectAll(p.victims(g), wire.Blocks{Blocks: []wire.Held{{Block: v.block, Certificate: &proof}}})
		}
		return false
	}
	return true
}

func (a *stale) send(p *byzantine, to int, frame wire.Frame) {
	switch frame.(type) {
	case wire.Closed, wire.Proposal:
		return
	}
	p.forward(to, frame)
}
