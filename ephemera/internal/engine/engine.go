// Package engine is one member's whole protocol as a pure automaton. Step takes an input and
// returns its effects, in the order in which they must be carried out. The engine joins the
// broadcast of each group (package broadcast) with one mempool, adds the periodic exchange of
// frontiers (R6), and hands over from one group to the next (R9).
//
// The same engine runs under libp2p (package ephemera), in simulations and under fuzzers. It has no
// goroutine, clock, randomness, disk or log. It takes a frame only as a wire.Verified.
//
// Read events.go and effects.go first: they are its interface.
package engine

import (
	"cmp"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Config configures an Engine. Zero fields take the defaults.
type Config struct {
	Self     keys.Public
	Include  mempool.Include
	Mempool  mempool.Limits
	Timing   broadcast.Timing
	Rate     broadcast.Rate // of each chain; zero: nothing bounds it
	Exchange int64          // milliseconds between two frontiers: 1000
	HandOver int64          // milliseconds that a group stays open after a newer one, at most: 60000
	// Hold keeps an older group open for all of HandOver or until Close: its chains may grow. Without
	// Hold, an older group is closed as soon as no slot of it is under way.
	Hold bool
	// Included are the messages of certified blocks that are signed at Since or later. They are not
	// accepted again, and neither is anything that is signed before.
	Included []store.Included
	Since    int64
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
	config    Config
	pool      *mempool.Mempool
	parts     []*part           // groups in memory, ascending by number
	newest    *membership.Group // newest known group, also without this member
	stored    *broadcast.StoredBodies
	recent    recentBodies
	space     broadcast.Space
	requested map[block.MessageID]bodyRequest // bodies requested by ID
	poolPeers []*poolPeer                     // by key
	listed    map[keys.Public]bool            // senders for whom a member was asked in this round
	round     exchangeRound
	holding   holding // of the mempool's digests
	digests   digestFrame
	// started is the time of Start.
	started int64
	nonce   wire.Nonce // of Start
	wall    wallClock
	expiry  int64 // when the next message expires; 0: none does
	recheck recheck
	// allowances are those of members that asked for bodies in the last seconds.
	allowances map[keys.Public]*allowance
	asking     *part   // the application is choosing messages for its next block; nil: for none
	toAsk      []*part // groups to ask for next
	changed    bool    // something changed, so the application may choose differently now
	out        []Effect

	groups    []*membership.Group // all that are known, also without this member, ascending by number
	search    *search             // for a group that is missing between them; nil: none is
	described map[keys.Public]int // descriptions sent to a member in this round

	resting     []*resting // groups that are only in the store, ascending by number
	restingByID map[membership.ID]*resting
	restingNext int           // whose frontiers the next round sends first
	restChanges uint64        // changes of groups that rest
	waking      []waking      // resting groups to be loaded
	loading     membership.ID // the first of them, once the runner was asked; zero: none
	loads       int           // in this round
}

// part is the engine's part in one group.
type part struct {
	group    *membership.Group
	self     int
	instance *broadcast.Instance
	frontier wire.Frontier // as last sent
	draft    wire.Frontier // of the next one
	version  uint64        // counts the changes of frontier
	holding  holding       // of frontier
	released []uint64      // heights of the last one that was not held back
	peers    []peerExchange
	pool     []*poolPeer // of the members; nil: not needed yet
	closeBy  int64       // when the group is closed whatever is open; 0: it is the newest
	progress int64       // when a block was certified last, or the group was closed or loaded
	hearing  *hearing    // before new votes; nil: it is over, or there is nothing to vote for
}

// Defaults of Config, in milliseconds.
const (
	DefaultExchange int64 = 1000
	DefaultHandOver int64 = 60_000
)

// New returns an engine, restored from what is durable. It leaves out groups without this member.
func New(config Config, known []Known) *Engine {
	config.Exchange = cmp.Or(config.Exchange, DefaultExchange)
	config.HandOver = cmp.Or(config.HandOver, DefaultHandOver)
	known = slices.Clone(known)
	slices.SortFunc(known, func(a, b Known) int { return cmp.Compare(a.Group.Number(), b.Group.Number()) })
	limits := config.Mempool
	if len(known) > 0 {
		limits = limits.Share(known[len(known)-1].Group)
	}
	e := &Engine{
		config: config, pool: mempool.New(config.Include, limits), listed: make(map[keys.Public]bool),
		requested: make(map[block.MessageID]bodyRequest), restingByID: make(map[membership.ID]*resting),
		allowances: make(map[keys.Public]*allowance),
	}
	limits = limits.WithDefaults()
	e.stored, e.recent = broadcast.NewStoredBodies(2*limits.Messages), newRecentBodies(limits.Bytes)
	for _, k := range known {
		e.newest = k.Group
		e.learn(k.Group)
		e.join(k)
	}
	return e
}

// join adds the part in a group. It returns nil if this member is not in the group.
func (e *Engine) join(k Known) *part {
	self, ok := k.Group.Index(e.config.Self)
	if !ok {
		return nil
	}
	p := &part{group: k.Group, self: self, peers: make([]peerExchange, k.Group.N())}
	waiting := !k.Muted && !k.Closed && k.Group.Q() > 1
	p.instance = broadcast.New(broadcast.Config{
		Group: k.Group, Self: self, Muted: k.Muted, Closed: k.Closed, Waiting: waiting, Timing: e.config.Timing, Bodies: e.heldBody,
		Rate: e.config.Rate, Stored: e.stored,
	}, k.State)
	p.instance.SetSpace(0, e.space)
	if waiting {
		p.hearing = newHearing(p)
	}
	e.parts = append(e.parts, p)
	return p
}

// setSpace handles a change of the space on the disk. The application may be asked for a block that
// had to wait.
func (e *Engine) setSpace(now int64, space broadcast.Space) {
	e.space = space
	for _, p := range e.parts {
		p.instance.SetSpace(now, space)
	}
	e.changed = true
}

// Step handles one input and returns its effects in order.
func (e *Engine) Step(in Input) []Effect {
	if e.halted() {
		return nil
	}
	now := in.Now
	e.readWall(in)
	switch event := in.Event.(type) {
	case Start:
		e.nonce = event.Nonce
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
	case Covered:
		e.covered(now, event)
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
		e.wakeMessages()
		e.changed = true
	case Space:
		e.setSpace(now, broadcast.Space(event))
	case MessageChecked:
		e.messageChecked(now, event)
	case Recalled:
		e.recalled(event)
	case Connected:
		e.connected(now, event.Peer)
	case Loaded:
		e.loaded(now, event)
	default:
		e.answered(now, event)
	}
	return e.finish(now)
}

// answered passes an answer of the runner on to the group that asked.
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
		e.changed = true
	case Conflict:
		if p := e.part(event.A.Header.Group); p != nil {
			p.instance.Conflict(now, event.A, event.B)
		} else {
			e.conflictAtRest(now, event)
		}
	case Forked:
		if p := e.part(event.A.Slot.Group); p != nil {
			p.instance.Forked(now, event.A, event.B)
		} else if r := e.restingByID[event.A.Slot.Group]; r != nil {
			e.wake(now, r, keys.Public{}, event)
		}
	case Damaged:
		if p := e.part(event.Slot.Group); p != nil {
			p.instance.Damaged(now, event.Slot, event.Block, event.Certificate)
		} else if r := e.restingByID[event.Slot.Group]; r != nil {
			e.wake(now, r, keys.Public{}, event) // another damage in it is reported at the next read
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
	e.remember(e.config.Included, e.config.Since)
	e.config.Included = nil
	e.recall() // the wall clock may have been set since the runner read it
	for _, p := range e.parts {
		if !p.instance.Muted && !p.instance.Closed {
			e.emit(MarkGroup{Number: p.group.Number()})
		}
		p.instance.Start(now)
		e.collect(p, now)
		e.askFresh(now, p)
		e.handOver(now, p)
	}
	e.round.due = now
	e.changed = true
	e.searchNext(now)
}

// finish collects the groups' effects, closes groups that are finished, and asks for the next block
// if that may help.
func (e *Engine) finish(now int64) []Effect {
	for _, p := range e.parts {
		e.hear(now, p)
		e.collect(p, now)
		if p.closeBy != 0 && !p.instance.Closed && (p.closeBy <= now || !e.config.Hold && p.instance.Idle()) {
			e.close(now, p)
		}
	}
	e.restFinished(now)
	e.askNext()
	e.resumeRounds(now)
	out := e.out
	e.out = nil
	return out
}

// collect takes a group's effects. Places become keys, and the mempool learns what was certified
// and what came back.
func (e *Engine) collect(p *part, now int64) {
	for _, effect := range p.instance.Take() {
		switch effect := effect.(type) {
		case broadcast.Send:
			e.emit(Send{To: p.group.Member(effect.To), Frame: effect.Frame, Again: effect.Again})
		case broadcast.Certified:
			p.progress = now
			e.pool.Certified(effect.Block.Messages, effect.Own, e.wall.now)
			e.recent.add(effect.Block.Messages)
			e.changed = e.changed || effect.Own
		case broadcast.Returned:
			e.pool.Return(effect.Messages, e.moment(now))
			e.changed = true
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

func (e *Engine) tick(now int64) {
	e.tickMessages(now)
	for _, p := range e.parts {
		p.instance.Tick(now)
		if h := p.hearing; h != nil && h.missing > 0 && h.due <= now {
			e.askFresh(now, p)
		}
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
	consider(e.recheck.due)
	for _, p := range e.parts {
		consider(p.instance.Deadline())
		if p.hearing != nil {
			consider(p.hearing.deadline(p))
		}
		if !p.instance.Closed {
			consider(p.closeBy)
		}
	}
	return deadline
}
