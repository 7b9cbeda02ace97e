package simulation

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// hoarder makes the largest blocks that its group allows, as fast as members echo them. A naive
// node stores them all, until its disk is full.
type hoarder struct {
	honest
	ballot *ballot
	proof  *certificate.Certificate // of the block below
	made   int
}

// hoards bounds its blocks, so that schedules end in which nothing holds it up.
const hoards = 24

func (*hoarder) suppressesBlocks(int64) bool { return true }

func (a *hoarder) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	if a.ballot == nil || a.ballot.group != g {
		height, parent := p.chainHead(g)
		a.proof = nil
		a.next(p, g, height, parent)
	}
	a.show(p)
}

// next begins the largest block for a height.
func (a *hoarder) next(p *byzantine, g *membership.Group, height uint64, parent block.ID) {
	limits := g.Limits()
	payload := min(maxPayload, int(limits.PayloadBytes))
	m := p.newMessage("", payload)
	messages := []block.Message{m}
	for left := int(limits.BlockBytes) - m.Size(); left >= m.Size() && len(messages) < int(limits.BlockMessages); left -= m.Size() {
		messages = append(messages, p.newMessage("", payload))
	}
	a.made++
	a.ballot = newBallot(p, g, p.forgeBlock(g, height, parent, messages...))
}

// show sends everybody the block, and the certificate of the one below.
func (a *hoarder) show(p *byzantine) {
	victims := p.victims(a.ballot.group)
	if a.proof != nil {
		p.injectAll(victims, wire.Certificate{Certificate: *a.proof})
	}
	p.injectAll(victims, wire.Proposal{Proposal: a.ballot.block.Proposal()})
}

func (a *hoarder) receive(p *byzantine, from int, frame wire.Frame) bool {
	switch f := frame.(type) {
	case wire.GetMessages:
		return !a.serve(p, from, f)
	case wire.Echo:
		if a.ballot == nil || !a.ballot.count(f.Echo) {
			return true
		}
		if proof, ok := a.ballot.certificate(); ok && a.made <= hoards {
			below := a.ballot.block.Header
			a.proof = &proof
			a.next(p, a.ballot.group, below.Height+1, below.ID())
			a.show(p)
		}
		return false
	}
	return true
}

// serve answers with the messages of the block, and reports whether there were some.
func (a *hoarder) serve(p *byzantine, to int, f wire.GetMessages) bool {
	if a.ballot == nil {
		return false
	}
	var asked []block.Message
	for _, m := range a.ballot.block.Messages {
		if slices.Contains(f.IDs, m.ID()) {
			asked = append(asked, m)
		}
	}
	if len(asked) > 0 {
		p.inject(to, wire.Messages{Messages: asked})
	}
	return len(asked) > 0
}
