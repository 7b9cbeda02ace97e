package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// note remembers the first signed header of an open slot and finds equivocation (R3) and the misuse
// of the own key (R8).
func (s *Instance) note(c *chain, signed block.SignedHeader) {
	if c.first != nil && c.first.Signature == signed.Signature && c.first.Header == signed.Header {
		return // frontiers repeat it
	}
	if c.evidence != nil && c.first != nil && c.creator != s.Self {
		return // proven already, and members of the other half repeat theirs
	}
	header, id := &signed.Header, signed.Header.ID()
	switch {
	case header.Height == c.height && id == c.tip:
	case header.Height <= c.height:
		if c.evidence == nil {
			s.emit(FindHeader{Header: signed})
		}
	case c.creator == s.Self && (header.Height > c.height+1 || c.open == nil || c.open.id != id):
		s.halt("a header of slot " + header.Slot().String() + " bears this node's signature and its vote store does not know it")
	case header.Height > c.height+1:
	case c.first == nil:
		kept := signed
		c.first, c.since = &kept, s.now
		s.news++
	case c.first.Header.ID() != id:
		s.addEvidence(c, *c.first, signed)
	}
}

// Header takes a creator-signed header that a member holds of an open slot (R6).
func (s *Instance) Header(now int64, signed block.SignedHeader) {
	s.now = now // no timer changes but with evidence
	s.note(s.chain(signed.Header.Creator), signed)
}

// Conflict takes two headers of one slot, both signed by its creator, that the store or another
// member brought together.
func (s *Instance) Conflict(now int64, a, b block.SignedHeader) {
	s.step(now)
	c := s.chain(a.Header.Creator)
	if a.Header.Slot() != b.Header.Slot() || a.Header.ID() == b.Header.ID() {
		return
	}
	s.addEvidence(c, a, b)
}

// addEvidence keeps the proof, spreads it, and stops echoing on the chain.
func (s *Instance) addEvidence(c *chain, a, b block.SignedHeader) {
	if c.evidence != nil {
		return
	}
	if c.creator == s.Self {
		s.halt("two headers of slot " + a.Header.Slot().String() + " bear this node's signature")
	}
	if a.Header.ID().Compare(b.Header.ID()) > 0 {
		a, b = b, a
	}
	c.evidence = &store.Evidence{A: a, B: b}
	s.news++
	s.proofs++
	s.planned = false
	s.emit(Persist{Write: store.PutEvidence{Evidence: *c.evidence}}, Equivocation{Evidence: *c.evidence})
	s.sendAll(wire.Evidence{A: a, B: b})
	if o := c.open; o != nil && c.barred() && (o.state == asking || o.state == waiting) {
		o.state = silent
		o.retry.stop()
	}
}

// barred tells that the creator equivocated, at whatever height, so that nothing more is echoed on
// its chain (R3).
func (c *chain) barred() bool { return c.evidence != nil }
