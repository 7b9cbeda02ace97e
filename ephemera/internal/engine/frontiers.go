package engine

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// exchangeRound counts the rounds of R6.
type exchangeRound struct {
	due         int64
	count       uint64
	changesSeen uint64 // what news was at the last round
	idle        bool   // nothing is to be said before due, unless there is news
}

// peerExchange remembers what a member was told, so that nothing is said twice while nothing
// changes.
type peerExchange struct {
	sent uint64 // edition of the frontier that it was told, 0: none
	due  int64  // when it is told the same once more: frames may be lost
	wait int64  // between the last two times
}

// A frontier that stays the same is told again after firstHeartbeat rounds, and then after twice as
// many each time, up to lastHeartbeat. Whoever falls behind says so and is answered, so that the
// pace is for frontiers that were lost on both ways.
const (
	firstHeartbeat = 8
	lastHeartbeat  = 256
)

// exchangeFrontiers tells the members of every group where this one stands, and sets the next round
// with a jitter of a quarter. While nothing changes there are only rounds in which somebody is due.
func (e *Engine) exchangeFrontiers(now int64) {
	e.round.count++
	e.forgetRequests()
	e.changed = true // an application that answered later is asked again at least once a round
	quarter := max(e.config.Exchange/4, 1)
	jitter := (int64(e.config.Self[0])*7919 + int64(e.round.count%1024)*104729) % quarter
	next := now + e.config.Exchange - quarter/2 + jitter
	e.round.changesSeen = e.changes()
	e.round.idle = false
	idle, rest := len(e.requested) == 0, now+lastHeartbeat*e.config.Exchange
	for _, p := range e.parts {
		idle = e.updateFrontier(now, p) && idle
		for i := range p.peers {
			if i != p.self {
				e.sendFrontier(now, p, i)
				rest = min(rest, p.peers[i].due)
			}
		}
	}
	e.round.idle, e.round.due = idle, next
	if idle {
		e.round.due = max(next, rest)
	}
}

// tell sends a member the frontier if it does not have this edition, or if it is due again.
func (e *Engine) sendFrontier(now int64, p *part, member int) {
	peer := &p.peers[member]
	switch {
	case peer.sent != p.version:
		*peer = peerExchange{sent: p.version, wait: firstHeartbeat * e.config.Exchange}
	case peer.due <= now:
		peer.wait = min(2*peer.wait, lastHeartbeat*e.config.Exchange)
	default:
		return
	}
	peer.due = now + peer.wait
	if e.round.idle {
		e.round.due = min(e.round.due, peer.due)
	}
	e.send(p.group.Member(member), p.frontier)
}

// edit brings a group's frontier up to date. It tells whether the frontier stays so unless
// something happens.
func (e *Engine) updateFrontier(now int64, p *part) (settled bool) {
	frontier, settled := e.makeFrontier(now, p)
	if p.version == 0 || !same(frontier, p.frontier) {
		p.frontier = frontier
		p.version++
		settled = false
	}
	return settled
}

func same(a, b wire.Frontier) bool {
	return slices.Equal(a.Certified, b.Certified) && slices.Equal(a.Open, b.Open) && slices.Equal(a.Evidence, b.Evidence) &&
		slices.Equal(a.Mempool, b.Mempool)
}

// news counts the changes of all that a frontier may show.
func (e *Engine) changes() uint64 {
	news := e.pool.Changes()
	for _, p := range e.parts {
		news += p.instance.Changes()
	}
	return news
}

// stir ends the rest when there is something new to tell.
func (e *Engine) resumeRounds(now int64) {
	if e.round.idle && e.changes() != e.round.changesSeen {
		e.scheduleRound(now)
	}
}

// hurry brings the next round forward: somebody waits for it.
func (e *Engine) scheduleRound(now int64) {
	e.round.idle = false
	e.round.due = min(e.round.due, now+e.config.Exchange)
}

// answer tells a member once more in the next round where this one stands, for it showed that it
// does not know.
func (e *Engine) resendFrontier(now int64, p *part, member int) {
	peer := &p.peers[member]
	peer.due = min(peer.due, now)
	peer.wait = firstHeartbeat * e.config.Exchange / 2 // telling doubles it
	e.scheduleRound(now)
}

// behind tells whether a frontier shows less than this member has certified or holds proof of.
func behind(p *part, f wire.Frontier) bool {
	for creator, own := range p.instance.Heights() {
		if own > f.Certified[creator] {
			return true
		}
	}
	return len(f.Evidence) < p.instance.Proofs()
}

// covered tells whether this member has what a certificate proves already.
func covered(p *part, f wire.Certificate) bool {
	creator, ok := p.group.Index(f.Slot.Creator)
	if !ok {
		return false
	}
	height, _ := p.instance.Height(creator)
	return height >= f.Slot.Height
}

// connected tells a member that has just come back at once where this one stands.
func (e *Engine) connected(now int64, peer keys.Public) {
	for _, p := range e.parts {
		if i, ok := p.group.Index(peer); ok && i != p.self {
			p.instance.Connected(now, i)
			if !e.updateFrontier(now, p) {
				e.scheduleRound(now)
			}
			p.peers[i] = peerExchange{}
			e.sendFrontier(now, p, i)
		}
	}
}

// makeFrontier says where this member stands in a group; the newest group's lists the mempool. What
// is younger than one round is left out: it is on its way by itself. Settled tells that there is
// nothing so young.
func (e *Engine) makeFrontier(now int64, p *part) (f wire.Frontier, settled bool) {
	n, before := p.group.N(), now-e.config.Exchange
	f, settled = wire.Frontier{Group: p.group.ID(), Certified: slices.Clone(p.instance.Heights())}, true
	for i := range n {
		if header, since, ok := p.instance.OpenHeader(i); ok && since < before {
			f.Open = append(f.Open, header)
		} else if ok {
			settled = false
		}
		if _, ok := p.instance.Evidence(i); ok {
			f.Evidence = append(f.Evidence, uint32(i))
		}
	}
	if p == e.parts[len(e.parts)-1] {
		var all bool
		f.Mempool, all = e.listings(before)
		settled = settled && all
	}
	return f, settled
}

// listings names messages of the mempool, and tells whether these are all. Where they are too many
// for a frontier, each round goes on where the last one ended.
func (e *Engine) listings(before int64) (all []wire.Listing, complete bool) {
	complete = true
	e.pool.Each(func(entry *mempool.Entry) bool {
		if entry.Since < before {
			all = append(all, wire.Listing{ID: entry.Message.ID(), Sender: entry.Message.Sender()})
		} else {
			complete = false
		}
		return true
	})
	if len(all) <= wire.MaxListings {
		return all, complete
	}
	start := int(e.round.count * wire.MaxListings % uint64(len(all)))
	return append(all[start:], all[:start]...)[:wire.MaxListings], false
}
