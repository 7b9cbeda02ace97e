package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// doubleSign echoes two blocks of one slot with every Byzantine key and shows each block to one
// half of the other members. Up to f such members only equivocate. A few more get two certificates:
// each half delivers one block, and the liars tell neither of the other. Sometimes one half gets a
// second block on top. The other chains are served honestly. A naive node never finds out.
type doubleSign struct {
	group   *membership.Group
	ballots [2]*ballot
	top     *ballot // above the first block; nil: none
	tall    bool    // there is to be one
	rounds  int
}

// doubleSignRounds is for how many ticks the blocks are shown.
const doubleSignRounds = 60

func (a *doubleSign) suppressesBlocks(int64) bool { return true }

// leader returns the member on whose chain the others sign double.
func (c *coalition) leader() *byzantine {
	for _, p := range c.members {
		if _, ok := p.adversary.(*doubleSign); ok {
			return p
		}
	}
	return nil
}

func (a *doubleSign) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil || p != p.w.coalition.leader() {
		return
	}
	if a.group != g {
		a.begin(p, g)
	}
	if a.rounds++; a.rounds > doubleSignRounds {
		return
	}
	for i, victim := range p.victims(g) {
		v := a.ballots[i%2]
		a.push(p, victim, v)
		if _, ok := v.certificate(); ok && a.tall && i%2 == 0 {
			if a.top == nil {
				a.top = newBallot(p, g, p.forgeBlock(g, v.block.Header.Height+1, v.block.ID(), p.newMessage("", 32)))
			}
			a.push(p, victim, a.top)
		}
	}
}

func (a *doubleSign) begin(p *byzantine, g *membership.Group) {
	*a = doubleSign{group: g, tall: p.rng.permille(400)}
	height, parent := p.chainHead(g)
	for i := range a.ballots {
		a.ballots[i] = newBallot(p, g, p.forgeBlock(g, height, parent, p.newMessage("", 16+8*i)))
	}
}

// push proposes a block to a member until there is a certificate, and then sends that.
func (a *doubleSign) push(p *byzantine, victim int, v *ballot) {
	if proof, ok := v.certificate(); ok {
		p.inject(victim, wire.Blocks{Blocks: []wire.Held{{Block: v.block, Certificate: &proof}}})
		return
	}
	p.inject(victim, wire.Messages{Messages: v.block.Messages})
	p.inject(victim, wire.Proposal{Proposal: v.block.Proposal()})
}

// receive keeps the forked chain from the engine inside, which would halt.
func (a *doubleSign) receive(p *byzantine, _ int, frame wire.Frame) bool {
	echo, ok := frame.(wire.Echo)
	if !ok {
		return !aboutChain(frame, p.w.coalition.leader().key.Public())
	}
	for _, v := range []*ballot{a.ballots[0], a.ballots[1], a.top} {
		if v != nil && v.count(echo.Echo) {
			return false
		}
	}
	return true
}

func (a *doubleSign) send(p *byzantine, to int, frame wire.Frame) {
	switch frame.(type) {
	case wire.Frontier, wire.Evidence:
		return
	}
	if !aboutChain(frame, p.w.coalition.leader().key.Public()) {
		p.forward(to, frame)
	}
}

// aboutChain reports whether a frame shows something of a creator's chain.
func aboutChain(frame wire.Frame, creator keys.Public) bool {
	headers := headersOf(frame)
	if proof, ok := frame.(wire.Certificate); ok {
		headers = append(headers, block.SignedHeader{Header: block.Header{Creator: proof.Slot.Creator}})
	}
	for i := range headers {
		if headers[i].Header.Creator == creator {
			return true
		}
	}
	return false
}
