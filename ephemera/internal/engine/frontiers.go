package engine

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// exchangeRound keeps count of the rounds of R6.
type exchangeRound struct {
	due         int64
	count       uint64
	changesSeen uint64 // Engine.changes at the last round
	idle        bool   // there is nothing to send before due unless something changes
}

// peerExchange remembers what a member was sent, so that nothing is sent twice while nothing
// changes.
type peerExchange struct {
	sent uint64 // version of the frontier that it was sent; 0: none
	due  int64  // when the same frontier is sent again: frames may be lost
	wait int64  // between the last two
	last int64  // when it was sent one
	// answered is when it was sent one because it asked.
	answered int64
	behind   bool // it showed that it does not know the frontier
	// agreed says that its frontier showed the same. Frontiers of closed groups are not sent again
	// then.
	agreed bool
}

// A frontier that stays the same is sent again after firstHeartbeat rounds, and then after twice as
// many each time, up to lastHeartbeat. This slow pace is enough, because a member that is behind
// shows it in its own frontier and is answered: it covers frontiers that were lost in both
// directions.
const (
	firstHeartbeat = 8
	lastHeartbeat  = 256
)

// heartbeats says when something that stays the same is sent to a member again. In a large group
// the last waits are multiples of last, in which members take turns: so each of them hears from
// about as many others in that time as in a group of 16.
type heartbeats struct {
	first, last int64
	turn, turns int64 // of the member
}

// heartbeats returns those of a member of a group, of what is in the newest group's exchange.
func (e *Engine) heartbeats(p *part, member int) heartbeats {
	h := e.heartbeatsOf(e.pace(p))
	h.turn, h.turns = int64(p.self+member), broadcast.ForSize(1, p.group.N())
	return h
}

// heartbeatsOf returns those of a small group with this pace.
func (e *Engine) heartbeatsOf(pace int64) heartbeats {
	first := firstHeartbeat * pace
	return heartbeats{first: first, last: max(first, lastHeartbeat*e.config.Exchange), turns: 1}
}

// due returns when a wait that begins now ends.
func (h heartbeats) due(now, wait int64) int64 {
	if wait < h.last {
		return now + wait
	}
	return now + h.last*(h.turns-(now/h.last+h.turn)%h.turns)
}

// pace returns how long news takes in a group: a round, and longer in a large group, by how busy
// its members are.
func (e *Engine) pace(p *part) int64 {
	n := p.group.N()
	least := broadcast.ForSize(e.config.Exchange, n)
	return max(least, min(busyPace*p.instance.AnswerTime(), broadcast.ForSize(least, n)))
}

// busyPace times the wait for an answer is how long news takes in a busy group.
const busyPace = 2

// quietRounds is for how many rounds something must not have changed before it is sent.
func (e *Engine) quietRounds(p *part) int64 { return e.pace(p) / e.config.Exchange }

// mostHeld times that many rounds is how long something is held back at most.
const mostHeld = 4

// exchangeFrontiers sends the members of every group how far this one is, and schedules the next
// round with a jitter of a quarter. While nothing changes, only rounds happen in which somebody is
// due.
func (e *Engine) exchangeFrontiers(now int64) {
	e.round.count++
	e.forgetRequests()
	e.forgetAllowances(now)
	e.changed = true // ask an application that said later at least once a round
	quarter := max(e.config.Exchange/4, 1)
	jitter := (int64(e.config.Self[0])*7919 + int64(e.round.count%1024)*104729) % quarter
	next := now + e.config.Exchange - quarter/2 + jitter
	e.round.changesSeen = e.changes()
	e.round.idle = false
	idle, rest := len(e.requested) == 0 && len(e.waking) == 0, min(e.exchangeResting(now), e.askForSkipped(now))
	for _, p := range e.parts {
		idle = e.updateFrontier(now, p) && idle
		held, again := p.holding.holds(p.version, e.quietRounds(p)), false
		if !held {
			p.released = p.frontier.Certified
		}
		idle = idle && !held
		for i := range p.peers {
			if i != p.self && !(p.peers[i].agreed && p.instance.Closed) {
				if !held || p.peers[i].behind {
					again = e.sendFrontier(now, p, i, again) || again
				}
				rest = min(rest, p.peers[i].due)
			}
		}
	}
	settled, due := e.exchangePool(now)
	idle, rest = idle && settled, min(rest, due)
	e.round.idle, e.round.due = idle, next
	if idle {
		e.round.due = max(next, rest)
	}
}

// holding decides in each round whether a version of something is held back, because it may change
// again at once: while blocks are certified, what a member lacks is nearly always on its way.
type holding struct {
	seen     uint64 // version in the last round
	released uint64 // the last version that was not held back
	rounds   int64  // for which newer ones were
	still    int64  // rounds since the version changed last
}

// holds reports whether this version, counted from 1, is held back: until it has not changed for
// some rounds, but not forever.
func (h *holding) holds(version uint64, rest int64) bool {
	if h.still++; version != h.seen {
		h.seen, h.still = version, 0
	}
	if h.rounds++; h.released != 0 && version != h.released && h.still < rest && h.rounds <= mostHeld*rest {
		return true
	}
	h.released, h.rounds = version, 0
	return false
}

// sendFrontier sends a member the frontier if it does not have this version, or if it is due again.
// It reports whether it did. Again says that the last frame that was sent is the same.
func (e *Engine) sendFrontier(now int64, p *part, member int, again bool) bool {
	peer := &p.peers[member]
	if peer.sent == p.version && peer.due > now {
		return false
	}
	e.sent(now, peer, p.version, e.heartbeats(p, member))
	e.emit(Send{To: p.group.Member(member), Frame: p.frontier, Again: again})
	return true
}

// sent notes that a member is sent this version of a frontier, and when a round may repeat it.
func (e *Engine) sent(now int64, peer *peerExchange, version uint64, h heartbeats) {
	if peer.sent == version && peer.wait > 0 {
		peer.wait = min(2*peer.wait, h.last)
	} else {
		peer.wait = h.first
	}
	peer.sent, peer.last, peer.due, peer.behind = version, now, h.due(now, peer.wait), false
	if e.round.idle {
		e.round.due = min(e.round.due, peer.due)
	}
}

// updateFrontier updates a group's frontier. It reports whether the frontier stays the same until
// something happens.
func (e *Engine) updateFrontier(now int64, p *part) (settled bool) {
	settled = e.drawFrontier(now, p, &p.draft)
	if p.version == 0 || !same(p.draft, p.frontier) {
		p.setFrontier(copied(p.draft))
		settled = false
	}
	return settled
}

// setFrontier replaces a frontier by a different one.
func (p *part) setFrontier(frontier wire.Frontier) {
	p.frontier = frontier
	p.version++
	for i := range p.peers {
		p.peers[i].agreed = false
	}
}

func same(a, b wire.Frontier) bool {
	return slices.Equal(a.Certified, b.Certified) && slices.Equal(a.Open, b.Open) && slices.Equal(a.Evidence, b.Evidence) &&
		a.Tips == b.Tips
}

// changes counts the changes of everything that a frontier can show.
func (e *Engine) changes() uint64 {
	count := e.pool.Changes() + e.restChanges
	for _, p := range e.parts {
		count += p.instance.Changes()
	}
	return count
}

// resumeRounds ends the idle time if there is something new to send.
func (e *Engine) resumeRounds(now int64) {
	if e.round.idle && e.changes() != e.round.changesSeen {
		e.scheduleRound(now)
	}
}

// scheduleRound brings the next round forward, because somebody waits for it.
func (e *Engine) scheduleRound(now int64) {
	e.round.idle = false
	e.round.due = min(e.round.due, now+e.config.Exchange)
}

// resendFrontier sends a member the frontier again in the next round, because it showed that it
// does not know it.
func (e *Engine) resendFrontier(now int64, p *part, member int) {
	peer := &p.peers[member]
	peer.due, peer.behind = min(peer.due, now), true
	peer.wait = firstHeartbeat * e.config.Exchange / 2 // sendFrontier doubles it
	e.scheduleRound(now)
}

// behind reports whether a frontier shows less than the last one here that was not held back, or
// less than this member has proof of.
func behind(p *part, f wire.Frontier) bool {
	for creator, own := range p.released {
		if own > f.Certified[creator] {
			return true
		}
	}
	return len(f.Evidence) < p.instance.Proofs()
}

// covered reports whether a slot is certified here.
func covered(p *part, slot block.Slot) bool {
	creator, ok := p.group.Index(slot.Creator)
	if !ok {
		return false
	}
	height, _ := p.instance.Height(creator)
	return height >= slot.Height
}

// covered handles what is left of a certificate of a block that is certified here: its sender does
// not know that this member has the block.
func (e *Engine) covered(now int64, in Covered) {
	p := e.part(in.Slot.Group)
	if p == nil {
		return
	}
	if from, ok := p.group.Index(in.From); ok && covered(p, in.Slot) {
		e.resendFrontier(now, p, from)
	}
}

// connected sends the frontier at once to a member that is reachable again.
func (e *Engine) connected(now int64, peer keys.Public) {
	for _, p := range e.parts {
		if i, ok := p.group.Index(peer); ok && i != p.self {
			p.instance.Connected(now, i)
			if !e.updateFrontier(now, p) {
				e.scheduleRound(now)
			}
			p.peers[i] = peerExchange{}
			e.sendFrontier(now, p, i, false)
			if h := p.hearing; h != nil && h.missing > 0 && !h.heard[i] {
				e.askFreshOf(p, i)
			}
		}
	}
	e.connectedPool(now, peer)
	if e.search != nil && e.search.below.Contains(peer) {
		e.send(peer, wire.GetGroup{Number: e.search.number})
	}
	for _, r := range e.resting {
		if i, ok := r.group.Index(peer); ok && i != r.self && !r.peers[i].agreed {
			r.peers[i] = peerExchange{}
			e.scheduleRound(now)
		}
	}
}

// makeFrontier returns how far this member is in a group, as drawFrontier does.
func (e *Engine) makeFrontier(now int64, p *part) wire.Frontier {
	e.drawFrontier(now, p, &p.draft)
	return copied(p.draft)
}

// copied returns a frontier that shares no memory with another one.
func copied(f wire.Frontier) wire.Frontier {
	f.Certified, f.Open, f.Evidence = slices.Clone(f.Certified), append([]block.SignedHeader(nil), f.Open...), append([]uint32(nil), f.Evidence...)
	return f
}

// drawFrontier writes down how far this member is in a group, and uses the memory of the draft
// before. Headers that are younger than one round, or more in a large group, are left out, because
// what is missing is usually on its way already. Settled reports whether nothing was left out.
func (e *Engine) drawFrontier(now int64, p *part, f *wire.Frontier) (settled bool) {
	before := now - e.pace(p)
	*f = wire.Frontier{
		Group: p.group.ID(), Certified: append(f.Certified[:0], p.instance.Heights()...), Tips: p.instance.Tips(),
		Open: f.Open[:0], Evidence: f.Evidence[:0],
	}
	settled = true
	for i := range p.group.N() {
		if header, since := p.instance.OpenHeader(i); header != nil && since < before {
			f.Open = append(f.Open, *header)
		} else if header != nil {
			settled = false
		}
		if p.instance.Proven(i) {
			f.Evidence = append(f.Evidence, uint32(i))
		}
	}
	return settled
}
