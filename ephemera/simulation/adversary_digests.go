package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// digests lies about its mempool. Its digests of everybody's messages are new ones each time, its
// listings are empty or name messages that nobody has, and it asks for all listings all the time. A
// naive node asks it again and again and nobody else, or sends it whole mempools.
type digests struct{ honest }

func (digests) send(p *byzantine, to int, frame wire.Frame) {
	switch frame.(type) {
	case wire.Pool:
		p.lieAboutPool(to)
	case wire.Listing:
		p.inject(to, p.falseListing())
	default:
		p.forward(to, frame)
	}
}

func (digests) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	victims := p.victims(g)
	victim := victims[p.rng.below(len(victims))]
	p.lieAboutPool(victim)
	p.inject(victim, p.falseListing())
	p.inject(victim, wire.GetListing{Senders: g.Members()})
}

// lieAboutPool sends a digest of each member's messages that is true of nobody.
func (p *byzantine) lieAboutPool(to int) {
	var f wire.Pool
	for _, sender := range p.newestGroup().Members() {
		f.Digests = append(f.Digests, wire.SenderDigest{Sender: sender, Digest: block.Digest{1, byte(p.rng.next()), byte(p.rng.next())}})
	}
	p.inject(to, f)
}

// falseListing lists up to nineteen messages of one member that do not exist.
func (p *byzantine) falseListing() (f wire.Listing) {
	members := p.newestGroup().Members()
	sender := members[p.rng.below(len(members))]
	for range p.rng.below(20) {
		f.Messages = append(f.Messages, wire.Listed{ID: block.MessageID{3, byte(p.rng.next()), byte(p.rng.next())}, Sender: sender})
	}
	return f
}

func (p *byzantine) newestGroup() *membership.Group { return p.w.groups[max(p.knownGroups, 1)-1] }
