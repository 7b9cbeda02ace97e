package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// state says how far this member is with the block of an open slot.
type state uint8

const (
	gathering state = iota // bodies are missing (R2)
	postponed              // the chain has used up its rate (R2)
	asking                 // the application was asked
	waiting                // the application said later
	rejected               // this member will never echo it
	withheld               // complete, but not echoed: muted, closed, or the creator equivocated
	agreed                 // the application accepted it, and the vote waits for Release
	voting                 // the vote is being persisted and signed (R3)
	resumed                // the vote is durable, but a restart lost its signature
	echoed                 // the echo was sent
)

// slot is the block of an open slot on its way to an echo.
type slot struct {
	header  block.SignedHeader
	id      block.ID
	ids     []block.MessageID
	named   []*naming // of the ids, in Instance.named
	bodies  []block.Message
	have    []bool
	missing int
	// requested is how many of the bodies requested last have not arrived.
	requested int
	bytes     int // of the bodies that arrived
	state     state
	again     bool // the application's state changed while it was asked
	echo      *certificate.Echo
	// retry: gathering: fetches bodies; postponed: lets it in; waiting: asks the application again
	retry retry
}

// newSlot opens a slot with a block of which no body has arrived.
func newSlot(header block.SignedHeader, id block.ID, ids []block.MessageID) *slot {
	return &slot{
		header: header, id: id, ids: ids, bodies: make([]block.Message, len(ids)), have: make([]bool, len(ids)), missing: len(ids),
	}
}

// newHeldSlot opens a slot with a whole block.
func newHeldSlot(b block.Block, id block.ID, s state) *slot {
	o := newSlot(b.SignedHeader, id, b.MessageIDs())
	for i, m := range b.Messages {
		o.setBody(i, m)
	}
	o.state = s
	return o
}

// whole reports whether an open slot can be stored as certified. This member's block is stored
// before it is signed: if it restarts muted, or after it closed the group, the signature is
// missing, and the signed block is fetched from those that echoed it.
func (b *Instance) whole(c *chain) bool {
	o := c.open
	return o.missing == 0 && (c.creator != b.Self || o.header.Signature != keys.Signature{})
}

func (o *slot) block() block.Block { return block.Block{SignedHeader: o.header, Messages: o.bodies} }

func (o *slot) proposal() wire.Proposal {
	return wire.Proposal{Proposal: block.Proposal{SignedHeader: o.header, IDs: o.ids}}
}

// Proposal handles a creator's proposal (R2).
func (b *Instance) Proposal(now int64, from int, p wire.Proposal) {
	b.step(now)
	c := b.chain(p.Header.Creator)
	b.observeHeader(c, p.SignedHeader)
	switch {
	case b.halted || c.creator == b.Self || p.Header.Height <= c.height || c.stop != nil:
		return
	case p.Header.Height > c.height+1:
		if p.Header.Height == c.height+2 && c.next == nil { // a different one is evidence
			c.next = &p
		}
		b.claim(c, from, p.Header.Height-1)
		return
	}
	id := p.Header.ID()
	switch o := c.open; {
	case o == nil && c.takenByLost(id):
		return
	case o == nil:
		b.openSlot(c, p, id)
	case o.id != id:
		// The two headers are evidence by now. By R3 this member echoes neither of them from here
		// on.
		return
	case o.state == echoed:
		b.send(c.creator, wire.Echo{Echo: *o.echo})
	case o.state == resumed && !b.Muted:
		o.state = voting
		b.emit(SignEcho{Slot: o.header.Header.Slot(), Block: o.id})
	case o.state == rejected:
		b.send(c.creator, b.rejection(o))
	case o.state == withheld && b.Closed:
		b.sendClosed(c, o)
	}
}

func (b *Instance) rejection(o *slot) wire.Rejection {
	return wire.Rejection{Slot: o.header.Header.Slot(), Block: o.id}
}

// open begins the open slot of a chain.
func (b *Instance) open(c *chain, o *slot) {
	c.open = o
	b.named.open(c)
}

// openSlot opens the slot above the certified height with a proposal.
func (b *Instance) openSlot(c *chain, p wire.Proposal, id block.ID) {
	o := newSlot(p.SignedHeader, id, p.IDs)
	b.open(c, o)
	// R8: the parent is the certified block below; h+1 is echoed only by members that stored the
	// certified h.
	if p.Header.Parent != c.tip {
		b.reject(c, "its parent is not the certified block below")
		return
	}
	for i, messageID := range p.IDs {
		if m, ok := b.Bodies(messageID); ok {
			b.placeBody(c, o, i, m)
		}
	}
	if o.state != rejected {
		b.letIn(c)
	}
}

// placeBody puts a body in its place. Bodies beyond the byte limit of a block make the block
// invalid before all of them have arrived, so that no creator can make members hold more than one
// block's worth.
func (b *Instance) placeBody(c *chain, o *slot, i int, m block.Message) {
	if o.have[i] || o.state == rejected {
		return
	}
	o.setBody(i, m)
	if o.bytes > int(b.Group.Limits().BlockBytes) {
		o.dropBodies()
		b.reject(c, "its messages exceed the byte limit of a block")
	}
}

// bodyArrived counts a body that arrived. Once all that were requested have arrived, the next ones
// are requested at once: a large block takes many requests.
func (b *Instance) bodyArrived(o *slot) {
	if o.requested--; o.requested == 0 {
		o.retry.at(b, b.now)
	}
}

// dropBodies frees the bodies of a block that will never be echoed.
func (o *slot) dropBodies() {
	clear(o.bodies)
	clear(o.have)
	o.missing, o.bytes = len(o.ids), 0
}

func (o *slot) setBody(i int, m block.Message) {
	if !o.have[i] {
		o.bodies[i], o.have[i] = m, true
		o.missing--
		o.bytes += m.Size()
	}
}

// Message hands a verified message to every open slot that misses it.
func (b *Instance) Message(now int64, m block.Message) {
	b.now = now
	for _, p := range b.named.places(m.ID()) { // a slot that is completed may close
		c := b.chains[p.creator]
		o := c.open
		if o == nil || o.missing == 0 {
			continue
		}
		before := o.missing
		b.placeBody(c, o, int(p.at), m)
		switch {
		case o.missing == 0:
			b.bodiesComplete(c)
		case o.missing < before:
			b.bodyArrived(o)
		}
	}
}

// bodiesComplete continues once all bodies have arrived (R2).
func (b *Instance) bodiesComplete(c *chain) {
	o := c.open
	if c.proof != nil && c.proof.Block == o.id {
		b.certified(c, o.block(), *c.proof)
		return
	}
	if o.state == rejected || o.state == postponed {
		return
	}
	o.retry.stop()
	if err := o.block().CheckMessages(b.Group); err != nil { // the border checked the proposal
		b.reject(c, err.Error())
		return
	}
	b.askApplication(c)
}

func (b *Instance) askApplication(c *chain) {
	o := c.open
	if b.Muted || b.Closed || c.barred() {
		o.state = withheld
		if b.Closed {
			b.sendClosed(c, o)
		}
		return
	}
	o.state, o.again = asking, false
	o.retry.due = 0 // keeps counting the attempts
	b.emit(CheckBlock{Block: o.block()})
}

func (b *Instance) reject(c *chain, reason string) {
	o := c.open
	o.state = rejected
	o.retry.stop()
	b.emit(Refused{Slot: o.header.Header.Slot(), Block: o.id, Reason: reason})
	b.send(c.creator, b.rejection(o))
}

// Verdict handles the application's answer to CheckBlock, which is never the zero Decision.
func (b *Instance) Verdict(now int64, creator int, id block.ID, decision verdict.Decision) {
	if decision.IsZero() {
		panic("broadcast: the runner let the zero Decision pass")
	}
	b.step(now)
	if creator == b.Self {
		b.ownVerdict(id, decision)
		return
	}
	c := b.chains[creator]
	o := c.open
	if o == nil || o.id != id || o.state != asking {
		return // it was certified meanwhile
	}
	switch {
	case decision.IsAccept():
		b.vote(c)
	case decision.IsReject():
		b.reject(c, decision.Reason())
	case o.again:
		b.askApplication(c)
	default:
		o.state = waiting
		o.retry.after(b, c.creator, b.Timing.Reconsider, 8*b.Timing.Reconsider)
	}
}

// vote persists the vote with the whole block, and only then signs (R3).
func (b *Instance) vote(c *chain) {
	o := c.open
	if b.Closed || c.barred() {
		o.state = withheld
		return
	}
	if c.waits {
		o.state = agreed
		o.retry.stop()
		return
	}
	b.grow(c, o.block(), true)
	o.state = voting
	o.retry.stop()
	b.emit(Persist{Write: c.putVote(o.block())}, SignEcho{Slot: o.header.Header.Slot(), Block: o.id})
}

// Release lets this member vote on a creator's chain: it has heard from enough members since its
// start (R8).
func (b *Instance) Release(now int64, creator int) {
	b.step(now)
	c := b.chains[creator]
	c.waits = false
	if o := c.open; o != nil && o.state == agreed {
		b.vote(c)
	}
}

// undecided reports whether this member may still vote for the block, and has not.
func (o *slot) undecided() bool {
	return o.state == postponed || o.state == asking || o.state == waiting || o.state == agreed
}

// EchoSigned handles the answer to SignEcho: it sends the echo to the creator. The vote is durable
// by then.
func (b *Instance) EchoSigned(now int64, echo certificate.Echo) {
	b.step(now)
	c := b.chain(echo.Slot.Creator)
	o := c.open
	if o == nil || o.id != echo.Block || o.state != voting {
		return // it was certified meanwhile, so the creator does not need the echo
	}
	o.state, o.echo = echoed, &echo
	b.send(c.creator, wire.Echo{Echo: echo})
}

// Wake asks the application again about every block to which it said later.
func (b *Instance) Wake(now int64) {
	b.step(now)
	for _, c := range b.chains {
		switch o := c.open; {
		case o == nil:
		case o.state == asking:
			o.again = true
		case o.state == waiting:
			b.askApplication(c)
		}
	}
}
