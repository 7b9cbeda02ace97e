package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// twoHeaders signs two headers of a slot that no store ever holds together. Either the messages of
// both blocks stay hidden, so that nobody echoes any, and each member is shown one. Or it shows
// them before the slot is open, or one of them long after the other was certified. A naive node
// compares only what it stores, and nobody gets the proof.
type twoHeaders struct {
	group  *membership.Group
	mode   int
	ballot *ballot        // for the block that is certified
	two    [2]block.Block // of one slot
	rounds int
	since  int // rounds since the certificate
}

// spreading is for how many rounds it shows something to everybody: most frames arrive by then.
const spreading = 10

// Modes of twoHeaders.
const (
	unechoed = iota // the messages of both blocks stay hidden
	early           // both are shown while the slot below is open
	late            // the second one is shown when the first is certified
	modes
)

func (a *twoHeaders) suppressesBlocks(int64) bool { return true }

func (a *twoHeaders) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	if a.group != g {
		a.begin(p, g)
	}
	a.rounds++
	switch a.mode {
	case unechoed:
		a.showBoth(p)
	case early:
		if a.rounds <= spreading {
			a.showBoth(p)
		} else {
			a.certify(p)
		}
	case late:
		if a.certify(p); a.since > spreading && a.since <= spreading+4 {
			victims := p.victims(g)
			p.show(g, victims[int(a.two[1].Header.Time)%len(victims)], a.two[1], 3)
		}
	}
}

// begin makes two blocks for a slot in a group.
func (a *twoHeaders) begin(p *byzantine, g *membership.Group) {
	*a = twoHeaders{group: g, mode: p.rng.below(modes)}
	height, parent := p.chainHead(g)
	certified := p.forgeBlock(g, height, parent, p.newMessage("", 16))
	if a.mode == early {
		height, parent = height+1, certified.ID()
	}
	for i := range a.two {
		a.two[i] = p.forgeBlock(g, height, parent, p.newMessage("", 24+8*i))
	}
	if a.mode == late {
		a.two[0] = certified
	}
	a.ballot = newBallot(p, g, certified)
}

// showBoth shows each member one of the two headers.
func (a *twoHeaders) showBoth(p *byzantine) {
	for i, victim := range p.victims(a.group) {
		if p.rng.permille(200) {
			p.show(a.group, victim, a.two[i%2], 2)
		}
	}
}

// certify lets the members echo a block until it has a certificate, which it sends to all.
func (a *twoHeaders) certify(p *byzantine) {
	b, victims := a.ballot.block, p.victims(a.group)
	proof, ok := a.ballot.certificate()
	if !ok {
		p.injectAll(victims, wire.Messages{Messages: b.Messages})
		p.injectAll(victims, wire.Proposal{Proposal: b.Proposal()})
		return
	}
	if a.since++; a.since <= spreading {
		p.injectAll(victims, wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &proof}}})
	}
}

// show sends a member the signed header of a block in one of the first kinds of frames that carry
// headers. The last of three brings the messages, too.
func (p *byzantine) show(g *membership.Group, victim int, b block.Block, kinds int) {
	switch p.rng.below(kinds) {
	case 0:
		p.inject(victim, wire.Proposal{Proposal: b.Proposal()})
	case 1:
		p.inject(victim, wire.Frontier{Group: g.ID(), Certified: make([]uint64, g.N()), Open: []block.SignedHeader{b.SignedHeader}})
	default:
		p.inject(victim, wire.Blocks{Blocks: []wire.Held{{Block: b}}})
	}
}

func (a *twoHeaders) receive(_ *byzantine, _ int, frame wire.Frame) bool {
	echo, ok := frame.(wire.Echo)
	return !ok || a.ballot == nil || !a.ballot.count(echo.Echo)
}

func (a *twoHeaders) send(p *byzantine, to int, frame wire.Frame) {
	if _, own := frame.(wire.Proposal); !own {
		p.forward(to, frame)
	}
}
