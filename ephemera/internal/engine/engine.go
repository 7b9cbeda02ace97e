// Package engine is one member's whole protocol as a pure automaton: Step takes an input and
// returns the effects that it causes, in the order in which they must be carried out. It joins the
// broadcast of each group (package broadcast) with one mempool, adds the periodic exchange of
// frontiers (R6), and hands over from group to group (R9).
//
// The same engine runs under libp2p (package ephemera), in simulations and under fuzzers. It has no
// goroutine, clock, randomness, disk or log. Everything that it is told was decoded and verified by
// package wire.
package engine

import (
	"cmp"
	"errors"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Config describes one engine. Zero fields take the defaults.
type Config struct {
	Self     keys.Public
	Include  mempool.Include
	Mempool  mempool.Limits
	Timing   broadcast.Timing
	Exchange int64 // milliseconds between two frontiers: 1000
	HandOver int64 // milliseconds that a group stays open at most after a newer one came: 60000
	// Hold keeps an older group open for all of HandOver, until Close: its chains may go on. Without
	// it an older group is closed as soon as none of its slots is under way.
	Hold bool
	// Included are messages of certified blocks, ascending by time, that are not taken again.
	Included []store.Included
}

// Known is a group that the engine starts with, and what is durable of it.
type Known struct {
	Group  *membership.Group
	State  store.State
	Muted  bool // an earlier vote store was lost (R8)
	Closed bool // this member signs nothing new there (R9)
}

// Engine is the automaton. It is not safe for concurrent use.
type Engine struct {
	config Config
	pool   *mempool.Mempool
	parts  []*part                   // ascending by group number
	newest *membership.Group         // heard of, also one without this member
	asked  map[block.MessageID]asked // bodies asked for by ID
	round  exchangeRound
	// started is when Start came.
	started int64
	expiry  int64   // when the next message expires, 0: none does
	asking  *part   // for whose block the application is choosing messages, nil: none
	turns   []*part // to be asked next
	change  bool    // something changed that it may want to choose again for
	out     []Effect
}

// part is the engine's share in one group.
type part struct {
	group    *membership.Group
	self     int
	instance *broadcast.Instance
	frontier wire.Frontier // as it was told last
	edition  uint64        // counts the changes of frontier
	peers    []peerExchange
	closeBy  int64 // when the group is closed whatever is open, 0: it is the newest
}

// maxParts bounds the groups that are kept in memory once they are closed and all their blocks
// delivered: those are served from the store.
const maxParts = 4

// Defaults of Config, in milliseconds.
const (
	DefaultExchange int64 = 1000
	DefaultHandOver int64 = 60_000
)

// New makes an engine from what is durable. Groups of which this member is none are left out.
func New(config Config, known []Known) *Engine {
	config.Exchange = cmp.Or(config.Exchange, DefaultExchange)
	config.HandOver = cmp.Or(config.HandOver, DefaultHandOver)
	known = slices.Clone(known)
	slices.SortFunc(known, func(a, b Known) int { return cmp.Compare(a.Group.Number(), b.Group.Number()) })
	limits := config.Mempool
	if len(known) > 0 {
		limits = ShareOut(limits, known[len(known)-1].Group)
	}
	e := &Engine{config: config, pool: mempool.New(config.Include, limits), asked: make(map[block.MessageID]asked)}
	for _, m := range config.Included {
		e.pool.Drop([]block.MessageID{m.ID})
	}
	e.config.Included = nil
	for _, k := range known {
		e.newest = k.Group
		e.join(k)
	}
	e.forgetGroups()
	return e
}

// ShareOut divides a mempool among the members of a group, so that no f of them fill it. A share
// holds at least one of the largest messages. The engine does so with Config.Mempool for the newest
// group.
func ShareOut(limits mempool.Limits, group *membership.Group) mempool.Limits {
	limits = limits.WithDefaults()
	limits.PerSender = min(limits.PerSender, max(1, limits.Messages/group.N()))
	limits.SenderBytes = min(limits.SenderBytes, max(int(group.Limits().PayloadBytes)+block.MaxMessageOverhead, limits.Bytes/group.N()))
	return limits
}

// join adds a group's part.
func (e *Engine) join(k Known) *part {
	self, ok := k.Group.Index(e.config.Self)
	if !ok {
		return nil
	}
	p := &part{group: k.Group, self: self, peers: make([]peerExchange, k.Group.N())}
	p.instance = broadcast.New(broadcast.Config{
		Group: k.Group, Self: self, Muted: k.Muted, Closed: k.Closed, Timing: e.config.Timing, Bodies: e.pool.Get,
	}, k.State)
	e.parts = append(e.parts, p)
	return p
}

// forgetGroups drops the oldest groups beyond maxParts that nothing is left to do in.
func (e *Engine) forgetGroups() {
	for len(e.parts) > maxParts && e.parts[0].instance.Closed && e.parts[0].instance.AllDelivered() {
		e.parts = slices.Delete(e.parts, 0, 1)
	}
}

// Step takes one input and returns its effects in order.
func (e *Engine) Step(in Input) []Effect {
	if e.halted() {
		return nil
	}
	now := in.Now
	switch event := in.Event.(type) {
	case Start:
		e.start(now)
	case Tick:
		e.tick(now)
	case Adopt:
		e.adopt(now, event)
	case Close:
		if p := e.part(event.Group); p != nil {
			e.close(now, p)
		}
	case Received:
		e.received(now, event)
	case Submitted:
		e.submitted(now, event)
	case Chosen:
		e.chosen(now, event.IDs)
	case Verdict:
		e.verdict(now, event)
	case Wake:
		for _, p := range e.parts {
			p.instance.Wake(now)
		}
		e.change = true
	case Connected:
		e.connected(now, event.Peer)
	default:
		e.answered(now, event)
	}
	return e.finish(now)
}

// answered passes the runner's answers on to the group that asked.
func (e *Engine) answered(now int64, event Event) {
	switch event := event.(type) {
	case ProposalSigned:
		if p := e.part(event.Echo.Slot.Group); p != nil {
			p.instance.ProposalSigned(now, event.Header, event.Echo)
		}
	case EchoSigned:
		if p := e.part(event.Echo.Slot.Group); p != nil {
			p.instance.EchoSigned(now, event.Echo)
		}
	case Delivered:
		if p := e.part(event.Slot.Group); p != nil {
			p.instance.Delivered(now, event.Slot, event.OK)
		}
		e.change = true
	case Conflict:
		if p := e.part(event.A.Header.Group); p != nil {
			p.instance.Conflict(now, event.A, event.B)
		}
	}
}

func (e *Engine) part(id membership.ID) *part {
	for _, p := range e.parts {
		if p.group.ID() == id {
			return p
		}
	}
	return nil
}

func (e *Engine) halted() bool {
	return slices.ContainsFunc(e.parts, func(p *part) bool { return p.instance.Halted() })
}

func (e *Engine) start(now int64) {
	e.started = now
	for _, p := range e.parts {
		if !p.instance.Muted && !p.instance.Closed {
			e.emit(MarkGroup{Number: p.group.Number()})
		}
		p.instance.Start(now)
		e.collect(p, now)
		e.handOver(now, p)
	}
	e.round.due = now
	e.change = true
}

// finish collects what the groups want done, closes groups that are done with, and asks for the
// next block where that may help.
func (e *Engine) finish(now int64) []Effect {
	for _, p := range e.parts {
		e.collect(p, now)
		if p.closeBy != 0 && !p.instance.Closed && (p.closeBy <= now || !e.config.Hold && p.instance.Idle()) {
			e.close(now, p)
		}
	}
	e.forgetGroups()
	e.askNext()
	e.stir(now)
	out := e.out
	e.out = nil
	return out
}

// askNext asks the application for the next block of a group, the newest first, where something
// changed that may make it ready.
func (e *Engine) askNext() {
	if e.asking != nil {
		return
	}
	if proposers := e.proposers(); e.change && len(proposers) > 0 {
		e.change, e.turns = false, proposers
	}
	for len(e.turns) > 0 && e.asking == nil {
		p := e.turns[0]
		e.turns = e.turns[1:]
		if !e.proposes(p) {
			continue
		}
		if candidates, directed := e.pool.Candidates(p.group.ID(), e.underWay); len(candidates) > 0 {
			e.asking = p
			e.emit(NextBlock{Group: p.group.ID(), Candidates: candidates, Directed: directed})
		}
	}
}

// underWay tells whether a message is in an own block of a group that is still open: it comes back
// when the group is closed (R9).
func (e *Engine) underWay(id block.MessageID) bool {
	return slices.ContainsFunc(e.parts, func(p *part) bool { return p.instance.Proposing(id) })
}

// collect takes a group's effects: places become keys, and the mempool sees what was certified and
// what came back.
func (e *Engine) collect(p *part, now int64) {
	for _, effect := range p.instance.Take() {
		switch effect := effect.(type) {
		case broadcast.Send:
			e.emit(Send{To: p.group.Member(effect.To), Frame: effect.Frame})
		case broadcast.Certified:
			e.pool.Certified(effect.Block.MessageIDs(), effect.Own)
			e.change = e.change || effect.Own
		case broadcast.Returned:
			e.pool.Return(effect.Messages, now)
			e.change = true
		default:
			e.emit(effect)
		}
	}
}

func (e *Engine) emit(effect Effect) {
	if e.out == nil {
		e.out = make([]Effect, 0, 8)
	}
	e.out = append(e.out, effect)
}

// proposers returns the groups in which this member may propose (R1, R9), the newest first.
func (e *Engine) proposers() []*part {
	var out []*part
	for _, p := range slices.Backward(e.parts) {
		if e.proposes(p) {
			out = append(out, p)
		}
	}
	return out
}

// proposes tells whether this member may begin a block in a group: the newest, or one that is held
// open.
func (e *Engine) proposes(p *part) bool {
	return (p.group == e.newest || e.config.Hold) && p.instance.CanPropose()
}

func (e *Engine) tick(now int64) {
	if e.expiry != 0 && e.expiry <= now {
		_, e.expiry = e.pool.Expire(now)
	}
	for _, p := range e.parts {
		p.instance.Tick(now)
	}
	if e.round.due <= now {
		e.exchangeFrontiers(now)
	}
}

// Deadline returns when the next Tick is due.
func (e *Engine) Deadline() int64 {
	deadline := e.round.due
	consider := func(due int64) {
		if due != 0 {
			deadline = min(deadline, due)
		}
	}
	consider(e.expiry)
	for _, p := range e.parts {
		consider(p.instance.Deadline())
		if !p.instance.Closed {
			consider(p.closeBy)
		}
	}
	return deadline
}

func (e *Engine) submitted(now int64, event Submitted) {
	err := e.directable(event.Group)
	if err == nil {
		err = e.add(now, event.Message, true)
	}
	if err == nil && event.Group != (membership.ID{}) {
		e.pool.Direct(event.Message.ID(), event.Group)
	}
	e.emit(Answered{Ticket: event.Ticket, Err: err})
	if err == nil {
		e.emit(Gossip{Message: event.Message})
	}
}

// ErrClosed reports a message for the blocks of a group in which this member makes none.
var ErrClosed = errors.New("this node makes no blocks in that group: it is unknown, closed, or older and not held open")

// directable tells whether messages may be submitted for this very group.
func (e *Engine) directable(group membership.ID) error {
	if group == (membership.ID{}) {
		return nil
	}
	if p := e.part(group); p == nil || p.instance.Closed || p.instance.Muted || p.group != e.newest && !e.config.Hold {
		return ErrClosed
	}
	return nil
}

// add puts a message into the mempool, and its expiry on the clock.
func (e *Engine) add(now int64, m block.Message, local bool) error {
	if err := e.pool.Add(m, local, now); err != nil {
		return err
	}
	if expiry := e.pool.Expiry(m); e.expiry == 0 || expiry < e.expiry {
		e.expiry = expiry
	}
	e.change = true
	e.fill(now, m)
	return nil
}

// fill puts a body into every open block that waits for it.
func (e *Engine) fill(now int64, m block.Message) {
	for _, p := range e.parts {
		p.instance.Message(now, m)
	}
}

// chosen makes the candidate of what the application picked out of the mempool.
func (e *Engine) chosen(now int64, ids []block.MessageID) {
	p := e.asking
	e.asking = nil
	if len(ids) > 0 {
		e.hurry(now) // whatever becomes of it, the next round asks again
	}
	messages := make([]block.Message, 0, len(ids))
	for _, id := range ids {
		m, ok := e.pool.Get(id)
		if !ok {
			return // it left the mempool meanwhile
		}
		messages = append(messages, m)
	}
	if p != nil && e.proposes(p) {
		p.instance.Propose(now, messages)
	}
}

func (e *Engine) verdict(now int64, event Verdict) {
	if event.Slot.Creator == e.config.Self {
		e.hurry(now)
		if drops := event.Decision.Drops(); len(drops) > 0 {
			e.pool.Drop(drops)
			e.change = true
		}
	}
	if p := e.part(event.Slot.Group); p != nil {
		creator, _ := p.group.Index(event.Slot.Creator)
		p.instance.Verdict(now, creator, event.Block, event.Decision)
	}
}

// Status is a look at the automaton, for one group. Slices are indexed by the members' places.
type Status struct {
	Heights   []uint64 // certified
	Delivered []uint64
	Tips      []block.ID
	Messages  int // in the mempool
	Bytes     int
	Counts    mempool.Counts
	Open      bool // an own block is under way
	Closed    bool // nothing new is signed in the group
}

// Mempool returns how many messages the mempool holds, and their bytes.
func (e *Engine) Mempool() (messages, bytes int) { return e.pool.Len(), e.pool.Bytes() }

// Status returns where the member stands in a group. False when it has no part in it.
func (e *Engine) Status(group membership.ID) (Status, bool) {
	p := e.part(group)
	if p == nil {
		return Status{}, false
	}
	n := p.group.N()
	status := Status{
		Heights: make([]uint64, n), Delivered: make([]uint64, n), Tips: make([]block.ID, n),
		Messages: e.pool.Len(), Bytes: e.pool.Bytes(), Counts: e.pool.Counts(),
		Open: !p.instance.Muted && !p.instance.CanPropose(), Closed: p.instance.Closed,
	}
	for i := range n {
		status.Heights[i], status.Tips[i] = p.instance.Height(i)
		status.Delivered[i] = p.instance.DeliveredHeight(i)
	}
	return status, true
}
