package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// state is how far a member has come with the block of an open slot.
type state uint8

const (
	gathering state = iota // bodies are missing (R2)
	asking                 // the application is asked
	waiting                // it said later
	rejected               // it will never be echoed
	silent                 // all is there, and it is not echoed: muted, or the creator equivocated
	voting                 // the vote is being persisted and signed (R3)
	resumed                // the vote is durable, its signature was lost in a restart
	echoed                 // the echo was sent
)

// slot is the block of an open slot on its way to an echo.
type slot struct {
	header  block.SignedHeader
	id      block.ID
	ids     []block.MessageID
	place   map[block.MessageID]int // in ids; nil: they are few
	bodies  []block.Message
	have    []bool
	missing int
	// requested is how many bodies were asked for last and have not come since.
	requested int
	bytes     int // of the bodies that are there
	state     state
	again     bool // something changed while the application was asked
	echo      *certificate.Echo
	retry     retry // gathering: fetch bodies; waiting: ask again
}

// newSlot opens a slot with a block of which no body is there yet.
func newSlot(header block.SignedHeader, id block.ID, ids []block.MessageID) *slot {
	o := &slot{
		header: header, id: id, ids: ids, bodies: make([]block.Message, len(ids)), have: make([]bool, len(ids)), missing: len(ids),
	}
	const few = 16 // a search is as fast
	if len(ids) > few {
		o.place = make(map[block.MessageID]int, len(ids))
		for i, id := range ids {
			o.place[id] = i
		}
	}
	return o
}

// index finds a message among those of the block.
func (o *slot) index(id block.MessageID) (int, bool) {
	if o.place == nil {
		i := slices.Index(o.ids, id)
		return i, i >= 0
	}
	i, ok := o.place[id]
	return i, ok
}

// heldSlot opens a slot with a whole block.
func heldSlot(b block.Block, id block.ID, s state) *slot {
	o := newSlot(b.SignedHeader, id, b.MessageIDs())
	for i, m := range b.Messages {
		o.put(i, m)
	}
	o.state = s
	return o
}

func (o *slot) block() block.Block { return block.Block{SignedHeader: o.header, Messages: o.bodies} }

// Proposal takes a creator's proposal (R2).
func (s *Instance) Proposal(now int64, from int, p wire.Proposal) {
	s.step(now)
	c := s.chain(p.Header.Creator)
	s.note(c, p.SignedHeader)
	switch {
	case s.halted || c.creator == s.Self || p.Header.Height <= c.height:
		return
	case p.Header.Height > c.height+1:
		if p.Header.Height == c.height+2 {
			c.next = &p
		}
		s.claim(c, from, p.Header.Height-1)
		return
	}
	id := p.Header.ID()
	switch o := c.open; {
	case o == nil:
		s.begin(c, p, id)
	case o.id != id:
		return // evidence by now; R3 lets this member echo neither, or it has echoed the other
	case o.state == echoed:
		s.send(c.creator, wire.Echo{Echo: *o.echo})
	case o.state == resumed && !s.Muted:
		o.state = voting
		s.emit(SignEcho{Slot: o.header.Header.Slot(), Block: o.id})
	case o.state == rejected:
		s.send(c.creator, s.rejection(o))
	case o.state == silent && s.Closed:
		s.sendClosed(c, o)
	}
}

func (s *Instance) rejection(o *slot) wire.Rejection {
	return wire.Rejection{Slot: o.header.Header.Slot(), Block: o.id}
}

// begin opens the slot above the certified height with a proposal.
func (s *Instance) begin(c *chain, p wire.Proposal, id block.ID) {
	o := newSlot(p.SignedHeader, id, p.IDs)
	c.open = o
	// R8: the parent is the certified block below; h+1 is echoed only by members that stored the
	// certified h.
	if p.Header.Parent != c.tip {
		s.reject(c, "its parent is not the certified block below")
		return
	}
	for _, messageID := range p.IDs {
		if m, ok := s.Bodies(messageID); ok {
			s.take(c, o, m)
		}
	}
	if o.missing == 0 {
		s.complete(c)
	} else if o.state == gathering {
		o.retry.at(s.now + s.Timing.Fetch)
	}
}

// take puts a body in its place. Bodies beyond the limit of a block make it invalid before all are
// there, so that no creator makes members hold more than one block's worth.
func (s *Instance) take(c *chain, o *slot, m block.Message) {
	i, ok := o.index(m.ID())
	if !ok || o.have[i] || o.state == rejected {
		return
	}
	o.put(i, m)
	if o.bytes > int(s.Group.Limits().BlockBytes) {
		o.release()
		s.reject(c, "its messages are larger than a block may be")
	}
}

// came notes that a body came. The next ones are asked for as soon as those are there that were: a
// large block takes many requests.
func (o *slot) came(now int64) {
	if o.requested--; o.requested == 0 {
		o.retry.at(now)
	}
}

// release forgets the bodies of a block that will never be echoed.
func (o *slot) release() {
	clear(o.bodies)
	clear(o.have)
	o.missing, o.bytes = len(o.ids), 0
}

func (o *slot) put(i int, m block.Message) {
	if !o.have[i] {
		o.bodies[i], o.have[i] = m, true
		o.missing--
		o.bytes += m.Size()
	}
}

// Message takes a verified message wherever an open slot misses it.
func (s *Instance) Message(now int64, m block.Message) {
	s.now = now
	for _, c := range s.chains {
		if o := c.open; o != nil && o.missing > 0 {
			s.planned = false
			before := o.missing
			s.take(c, o, m)
			switch {
			case o.missing == 0:
				s.complete(c)
			case o.missing < before:
				o.came(s.now)
			}
		}
	}
}

// complete goes on when all bodies are there (R2).
func (s *Instance) complete(c *chain) {
	o := c.open
	o.retry.stop()
	if c.proof != nil && c.proof.Block == o.id {
		s.certified(c, o.block(), *c.proof)
		return
	}
	if o.state == rejected {
		return
	}
	if err := o.block().CheckMessages(s.Group); err != nil { // the border checked the proposal
		s.reject(c, err.Error())
		return
	}
	s.ask(c)
}

func (s *Instance) ask(c *chain) {
	o := c.open
	if s.Muted || s.Closed || c.barred() {
		o.state = silent
		if s.Closed {
			s.sendClosed(c, o)
		}
		return
	}
	o.state, o.again = asking, false
	o.retry.due = 0 // the attempts count on
	s.emit(CheckBlock{Block: o.block()})
}

// barred tells that the creator equivocated, at whatever height, so that nothing more is echoed on
// its chain (R3).
func (c *chain) barred() bool { return c.evidence != nil }

func (s *Instance) reject(c *chain, reason string) {
	o := c.open
	o.state = rejected
	o.retry.stop()
	s.emit(Refused{Slot: o.header.Header.Slot(), Block: o.id, Reason: reason})
	s.send(c.creator, s.rejection(o))
}

// Verdict takes the application's answer to CheckBlock, which is never the zero Decision.
func (s *Instance) Verdict(now int64, creator int, id block.ID, decision verdict.Decision) {
	if decision.IsZero() {
		panic("broadcast: the runner let the zero Decision pass")
	}
	s.step(now)
	if creator == s.Self {
		s.ownVerdict(id, decision)
		return
	}
	c := s.chains[creator]
	o := c.open
	if o == nil || o.id != id || o.state != asking {
		return // certified meanwhile
	}
	switch {
	case decision.IsAccept():
		s.vote(c)
	case decision.IsReject():
		s.reject(c, decision.Reason())
	case o.again:
		s.ask(c)
	default:
		o.state = waiting
		o.retry.after(s, c.creator, s.Timing.Reconsider, 8*s.Timing.Reconsider)
	}
}

// vote persists the vote with the whole block, and only then signs (R3).
func (s *Instance) vote(c *chain) {
	o := c.open
	if s.Closed || c.barred() {
		o.state = silent
		return
	}
	o.state = voting
	o.retry.stop()
	s.emit(Persist{Write: store.PutVote{Block: o.block()}}, SignEcho{Slot: o.header.Header.Slot(), Block: o.id})
}

// EchoSigned takes this member's signature for a vote that is durable, and sends it to the creator.
func (s *Instance) EchoSigned(now int64, echo certificate.Echo) {
	s.step(now)
	c := s.chain(echo.Slot.Creator)
	o := c.open
	if o == nil || o.id != echo.Block || o.state != voting {
		return // certified meanwhile: the creator needs it no more
	}
	o.state, o.echo = echoed, &echo
	s.send(c.creator, wire.Echo{Echo: echo})
}

// Wake asks the application again about everything to which it said later.
func (s *Instance) Wake(now int64) {
	s.step(now)
	for _, c := range s.chains {
		switch o := c.open; {
		case o == nil:
		case o.state == asking:
			o.again = true
		case o.state == waiting:
			s.ask(c)
		}
	}
}

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
