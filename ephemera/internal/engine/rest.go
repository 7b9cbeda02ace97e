package engine

import (
	"cmp"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// resting is an old group in which nothing is left to do. Its state is in the store only. What is
// left in memory is the frontier, which answers members that are behind, and what each member was
// sent. A frontier that shows more wakes the group: its state is loaded.
type resting struct {
	group    *membership.Group
	self     int
	muted    bool
	frontier wire.Frontier
	version  uint64
	peers    []peerExchange
	ahead    []block.SignedHeader // of slots above the open ones
	forked   []block.Slot         // that have two certificates
}

// Bounds on the groups that are closed and delivered.
const (
	// maxParts is how many of them are kept in memory. Of the others only a frontier is.
	maxParts = 4
	// loadsPerRound is how many are loaded in a round at most.
	loadsPerRound = 8
	// restRounds is for how many rounds a group stays in memory that fetches something, makes no
	// progress, and is one too many.
	restRounds = 10
	// restingFrontiers is how many frontiers of resting groups are sent in a round.
	restingFrontiers = 128
)

// waking is a resting group that is to be loaded, and what showed that it has to be: a Received or
// a Conflict.
type waking struct {
	group membership.ID
	from  keys.Public // who sent it; zero: the store found it
	event Event
}

// restFinished lets old groups rest beyond maxParts, and one more if another waits to be loaded:
// those in which nothing is left to do, or that had their turn and made no progress.
func (e *Engine) restFinished(now int64) {
	old := e.finished()
	excess := len(old) - maxParts
	if e.loading == (membership.ID{}) && len(e.waking) > 0 {
		excess++
	}
	if excess > 0 {
		slices.SortStableFunc(old, func(a, b *part) int { return cmp.Compare(a.progress, b.progress) })
	}
	for _, p := range old {
		turnOver := p.progress+restRounds*e.config.Exchange <= now // whatever is claimed there
		if excess > 0 && (p.instance.Quiet() || turnOver) {
			e.rest(now, p)
			excess--
		}
	}
	e.wakeNext()
}

// finished returns the groups that are closed and delivered, ascending. The newest group of this
// member is not among them: it never rests.
func (e *Engine) finished() (old []*part) {
	for _, p := range e.parts[:max(len(e.parts)-1, 0)] {
		if p.instance.Closed && p.instance.AllDelivered() {
			old = append(old, p)
		}
	}
	return old
}

// rest drops the state of a group and keeps its frontier.
func (e *Engine) rest(now int64, p *part) {
	frontier := e.makeFrontier(now+e.config.Exchange+1, p) // with headers younger than a round
	if !same(frontier, p.frontier) {
		p.setFrontier(frontier)
	}
	e.parts = slices.DeleteFunc(e.parts, func(other *part) bool { return other == p })
	e.restChanges += p.instance.Changes()
	r := &resting{group: p.group, self: p.self, muted: p.instance.Muted, frontier: p.frontier, version: p.version, peers: p.peers}
	r.ahead = p.instance.AheadHeaders()
	for i := range p.peers {
		if fork, ok := p.instance.Fork(i); ok {
			r.forked = append(r.forked, fork.A.Slot)
		}
	}
	e.resting, e.restingByID[p.group.ID()] = append(e.resting, r), r
	slices.SortFunc(e.resting, func(a, b *resting) int { return cmp.Compare(a.group.Number(), b.group.Number()) })
	e.scheduleRound(now)
}

// receivedAtRest handles a frame of a resting group. Requests for blocks never come here: they are
// answered from the store.
func (e *Engine) receivedAtRest(now int64, in Received) {
	frame := in.Frame.Frame()
	r := e.restingByID[wire.GroupOf(frame)]
	if r == nil {
		return
	}
	from, ok := r.group.Index(in.From)
	if !ok {
		return
	}
	switch f := frame.(type) {
	case wire.Frontier:
		if r.lacks(f) {
			e.wake(now, r, in.From, in)
		}
		for i := range f.Open {
			e.compareAtRest(r, f.Open[i])
		}
		if e.shouldAnswer(now, r.group, r.frontier, r.version, &r.peers[from], f) {
			e.send(in.From, r.frontier)
		}
	case wire.GetFrontier:
		if mayAnswer(now, &r.peers[from], e.config.Exchange) {
			e.send(in.From, wire.Fresh{Nonce: f.Nonce, Frontier: r.frontier})
		}
	case wire.Proposal:
		e.wakeAbove(now, r, f.Header.Slot(), in)
		e.compareAtRest(r, f.SignedHeader)
	case wire.Certificate:
		e.certificateAtRest(now, r, f, in)
	case wire.Evidence:
		if !r.barred(f.A.Header.Creator) {
			e.wake(now, r, in.From, in)
		}
	case wire.GetEvidence:
		if slices.ContainsFunc(f.Creators, func(place uint32) bool { return slices.Contains(r.frontier.Evidence, place) }) {
			e.wake(now, r, in.From, in)
		}
	}
}

// wakeAbove wakes a group for a frame about a slot that is not certified here.
func (e *Engine) wakeAbove(now int64, r *resting, slot block.Slot, in Received) {
	if creator, _ := r.group.Index(slot.Creator); slot.Height > r.frontier.Certified[creator] {
		e.wake(now, r, in.From, in)
	}
}

// compareAtRest has a header of a slot that was certified here compared with the stored one (R3).
func (e *Engine) compareAtRest(r *resting, header block.SignedHeader) {
	creator, _ := r.group.Index(header.Header.Creator)
	if header.Header.Height <= r.frontier.Certified[creator] && !r.barred(header.Header.Creator) {
		e.emit(broadcast.FindHeader{Header: header})
	}
}

// certificateAtRest has a certificate of a slot that was certified here compared with the stored
// one. If it is known that they differ, its sender is to be told, so the group is loaded.
func (e *Engine) certificateAtRest(now int64, r *resting, f wire.Certificate, in Received) {
	creator, _ := r.group.Index(f.Slot.Creator)
	switch {
	case slices.Contains(r.forked, f.Slot):
		e.wake(now, r, in.From, in)
	case f.Slot.Height > r.frontier.Certified[creator]:
		e.wake(now, r, in.From, in)
	default:
		e.emit(broadcast.FindFork{Certificate: f.Certificate})
	}
}

// heldAtRest looks at a block of a resting group that a member sent (R3, R6).
func (e *Engine) heldAtRest(now int64, in Received, held wire.Held) {
	r := e.restingByID[held.Block.Header.Group]
	if r == nil || !r.group.Contains(in.From) {
		return
	}
	e.wakeAbove(now, r, held.Block.Header.Slot(), in)
	e.compareAtRest(r, held.Block.SignedHeader)
	if held.Certificate != nil {
		e.certificateAtRest(now, r, wire.Certificate{Certificate: *held.Certificate}, in)
	}
}

// conflictAtRest wakes a group in which the store found two headers of one slot.
func (e *Engine) conflictAtRest(now int64, event Conflict) {
	if r := e.restingByID[event.A.Header.Group]; r != nil && !r.barred(event.A.Header.Creator) {
		e.wake(now, r, keys.Public{}, event)
	}
}

// wake queues a resting group to be loaded, because of what a member sent. A member may wait for
// one group at a time, so that it delays the others only by that: the rest of its frames are
// dropped and sent again (R6). Of the events of one group only the last is kept. Members that sent
// earlier ones learn from this member's frontier what it lacks.
func (e *Engine) wake(now int64, r *resting, from keys.Public, event Event) {
	id := r.group.ID()
	e.scheduleRound(now)
	for i := range e.waking {
		if w := &e.waking[i]; w.group == id {
			w.event = event
			return
		}
	}
	if !slices.ContainsFunc(e.waking, func(w waking) bool { return w.from == from }) {
		e.waking = append(e.waking, waking{group: id, from: from, event: event})
	}
}

// wakeNext asks for the state of the next group that waits, once there is room. One group is loaded
// at a time.
func (e *Engine) wakeNext() {
	if e.loading != (membership.ID{}) || len(e.waking) == 0 || len(e.finished()) >= maxParts || e.loads >= loadsPerRound {
		return
	}
	e.loads++
	e.loading = e.waking[0].group
	e.emit(LoadGroup{Group: e.loading})
}

// loaded continues with a group that was at rest. If its state could not be read, it stays at rest
// until the next frame.
func (e *Engine) loaded(now int64, event Loaded) {
	if event.Group != e.loading {
		return
	}
	e.loading = membership.ID{}
	first := e.waking[0]
	e.waking = slices.Delete(e.waking, 0, 1)
	r := e.restingByID[event.Group]
	if r == nil || !event.OK {
		return
	}
	e.resting = slices.DeleteFunc(e.resting, func(other *resting) bool { return other == r })
	delete(e.restingByID, event.Group)
	p := e.join(Known{Group: r.group, State: r.delivered(event.State), Muted: r.muted, Closed: true})
	slices.SortFunc(e.parts, func(a, b *part) int { return cmp.Compare(a.group.Number(), b.group.Number()) })
	p.frontier, p.version, p.peers, p.progress, p.closeBy = r.frontier, r.version, r.peers, now, now
	// The votes hold only what was echoed.
	for _, header := range slices.Concat(r.frontier.Open, r.ahead) {
		p.instance.Header(now, header)
	}
	e.collect(p, now)
	switch event := first.event.(type) {
	case Received:
		e.received(now, event)
	default:
		e.answered(now, event)
	}
}

// delivered returns a loaded state with the cursors of a group at rest: every block was delivered,
// even if the last cursors are not durable yet.
func (r *resting) delivered(state store.State) store.State {
	state.Chains = slices.Clone(state.Chains)
	for i := range state.Chains {
		c := &state.Chains[i]
		if creator, ok := r.group.Index(c.Creator); ok {
			c.Delivered = max(c.Delivered, r.frontier.Certified[creator])
		}
	}
	return state
}

// exchangeResting sends the frontiers of resting groups to members that have not shown the same
// one, a bounded number in each round. It returns when the next is due.
func (e *Engine) exchangeResting(now int64) (due int64) {
	e.loads = 0
	due = now + lastHeartbeat*e.config.Exchange
	left := restingFrontiers
	for k := range e.resting {
		at := (e.restingNext + k) % len(e.resting)
		r := e.resting[at]
		for i := range r.peers {
			peer := &r.peers[i]
			if i == r.self || peer.agreed {
				continue
			}
			if peer.due <= now {
				left--
				e.sent(now, peer, r.version, e.heartbeatsOf(e.config.Exchange))
				e.send(r.group.Member(i), r.frontier)
			}
			due = min(due, peer.due)
		}
		if left <= 0 {
			e.restingNext = at + 1
			return now
		}
	}
	return due
}

// shouldAnswer reports whether to answer a member's frontier of an old group with the one here:
// because the member lacks something, or because it does not know that both are the same. Then
// neither sends it again (R6). It answers each member at most once in a few rounds.
func (e *Engine) shouldAnswer(now int64, group *membership.Group, own wire.Frontier, version uint64, peer *peerExchange, f wire.Frontier) bool {
	peer.agreed = !ahead(group, own, f) && !ahead(group, f, own)
	if peer.sent == version && peer.last+firstHeartbeat/2*e.config.Exchange > now {
		return false
	}
	if !peer.agreed {
		peer.wait = 0
	}
	e.sent(now, peer, version, e.heartbeatsOf(e.config.Exchange))
	return true
}

// lacks reports whether a frontier shows something that this member does not know.
func (r *resting) lacks(f wire.Frontier) bool { return ahead(r.group, f, r.frontier) }

// barred reports whether there is proof against a creator.
func (r *resting) barred(key keys.Public) bool {
	creator, _ := r.group.Index(key)
	return slices.Contains(r.frontier.Evidence, uint32(creator))
}

// ahead reports whether frontier a of a group shows something that b lacks: a certified height,
// other blocks at the same heights, evidence, or the header of an open slot of a creator without
// evidence.
func ahead(group *membership.Group, a, b wire.Frontier) bool {
	for creator, height := range a.Certified {
		if height > b.Certified[creator] {
			return true
		}
	}
	if a.Tips != b.Tips && slices.Equal(a.Certified, b.Certified) {
		return true // two certificates of one slot, or a lie
	}
	if slices.ContainsFunc(a.Evidence, func(place uint32) bool { return !slices.Contains(b.Evidence, place) }) {
		return true
	}
	return slices.ContainsFunc(a.Open, func(h block.SignedHeader) bool {
		creator, _ := group.Index(h.Header.Creator)
		return h.Header.Height == b.Certified[creator]+1 && !slices.Contains(b.Evidence, uint32(creator)) &&
			!slices.ContainsFunc(b.Open, func(other block.SignedHeader) bool { return other.Header == h.Header })
	})
}
