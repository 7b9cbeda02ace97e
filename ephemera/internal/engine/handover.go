package engine

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// adopt handles a group that a provider returned (R9). It begins new chains at height 1. Older
// groups stay open for a while.
func (e *Engine) adopt(now int64, event Adopt) {
	number := event.Group.Number()
	if known := e.numbered(number); known != nil {
		if known.ID() != event.Group.ID() {
			e.emit(GroupRefused{Group: event.Group})
		}
		return
	}
	if e.newest != nil && number < e.newest.Number() {
		return // an older group: lists carry their number
	}
	e.learn(event.Group)
	e.newest = event.Group
	e.scheduleRound(now)
	e.pool.SetLimits(e.config.Mempool.Share(event.Group))
	e.retryListings()
	for _, p := range e.parts {
		e.handOver(now, p)
	}
	// A node that is not a member records it, too, so that after a restart it proposes nothing in an
	// older one.
	e.emit(broadcast.Persist{Write: store.PutGroup{Group: event.Group}})
	if e.search == nil {
		e.searchNext(now)
	}
	if !event.Group.Contains(e.config.Self) {
		return // this member leaves: it stays up until its old groups are closed
	}
	if !event.Muted {
		e.emit(MarkGroup{Number: number})
	}
	p := e.join(Known{Group: event.Group, Muted: event.Muted})
	e.forgetPeers()
	p.instance.Start(now)
	e.changed = true
}

// handOver sets the deadline of a group that is not the newest any more. It is closed once no slot
// of it is under way, or at the deadline.
func (e *Engine) handOver(now int64, p *part) {
	if p.group.Number() < e.newest.Number() && p.closeBy == 0 {
		p.closeBy = now + e.config.HandOver
	}
}

// close ends the signing in a group. The closing is durable first (R9).
func (e *Engine) close(now int64, p *part) {
	if p.instance.Closed {
		return
	}
	e.emit(broadcast.Persist{Write: store.PutClosed{Group: p.group.ID()}})
	e.pool.Undirect(p.group.ID())
	p.instance.Close(now)
	p.progress = now
	e.collect(p, now)
}
