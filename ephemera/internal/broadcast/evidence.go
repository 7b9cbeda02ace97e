package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// observeHeader remembers the first signed header of an open slot. It detects equivocation (R3) and
// the use of this member's key by somebody else (R8).
func (b *Instance) observeHeader(c *chain, signed block.SignedHeader) {
	if c.first != nil && c.first.Signature == signed.Signature && c.first.Header == signed.Header {
		return // frontiers repeat it
	}
	if c.evidence != nil && c.first != nil && c.creator != b.Self {
		return // proven already; every holder of the other header repeats it
	}
	header, id := &signed.Header, signed.Header.ID()
	switch {
	case header.Height == c.height && id == c.tip:
	case header.Height <= c.height:
		if c.evidence == nil {
			b.emit(FindHeader{Header: signed})
		}
	case c.creator == b.Self && c.lost != nil && header.Height == c.height+1 && c.lost.Block == id:
	case c.creator == b.Self && (header.Height > c.height+1 || c.open == nil || c.open.id != id):
		b.haltForUnknownVote("a header", header.Slot())
	case header.Height > c.height+1:
		b.observeAhead(c, signed)
	case c.first == nil:
		kept := signed
		c.first, c.since = &kept, b.now
		b.changes++
	case c.first.Header.ID() != id:
		b.addEvidence(c, *c.first, signed)
	}
}

// observeAhead keeps the first header of the slot above the open one until its turn. Of slots
// further above, none is kept: this member has blocks to fetch first, and is told again.
func (b *Instance) observeAhead(c *chain, signed block.SignedHeader) {
	switch {
	case signed.Header.Height != c.height+2:
	case c.ahead == nil:
		c.ahead = &signed
	case c.ahead.Header != signed.Header:
		b.addEvidence(c, *c.ahead, signed)
	}
}

// advanceHeaders makes the header that was kept of the slot above the first of the open one.
func (b *Instance) advanceHeaders(c *chain) {
	c.first, c.ahead = c.ahead, nil
	c.since = b.now
}

// AheadHeaders returns the headers that this member keeps of slots above the open ones.
func (b *Instance) AheadHeaders() (headers []block.SignedHeader) {
	for _, c := range b.chains {
		if c.ahead != nil {
			headers = append(headers, *c.ahead)
		}
	}
	return headers
}

// Header handles a creator-signed header that a member holds of an open slot (R6).
func (b *Instance) Header(now int64, signed block.SignedHeader) {
	b.now = now // no timer changes unless there is evidence
	b.observeHeader(b.chain(signed.Header.Creator), signed)
}

// Conflict handles two headers of one slot, both signed by its creator, that another member sent or
// the store found.
func (b *Instance) Conflict(now int64, x, y block.SignedHeader) {
	b.step(now)
	c := b.chain(x.Header.Creator)
	if x.Header.Slot() != y.Header.Slot() || x.Header.ID() == y.Header.ID() {
		return
	}
	b.addEvidence(c, x, y)
}

// addEvidence persists the proof, sends it to every member, and stops echoing on the chain.
func (b *Instance) addEvidence(c *chain, x, y block.SignedHeader) {
	if c.evidence != nil {
		return
	}
	if c.creator == b.Self {
		b.haltForTwoHeaders(x.Header.Slot())
	}
	if x.Header.ID().Compare(y.Header.ID()) > 0 {
		x, y = y, x
	}
	c.evidence = &store.Evidence{A: x, B: y}
	b.changes++
	b.proofs++
	b.emit(Persist{Write: store.PutEvidence{Evidence: *c.evidence}}, Equivocation{Evidence: *c.evidence})
	b.sendAll(wire.Evidence{A: x, B: y})
	if o := c.open; o != nil && c.equivocated() && o.undecided() {
		o.state = withheld
		o.retry.stop()
	}
}

// equivocated reports whether there is proof that the creator signed two headers of one slot, at
// any height. Then this member echoes nothing more on its chain (R3).
func (c *chain) equivocated() bool { return c.evidence != nil }
