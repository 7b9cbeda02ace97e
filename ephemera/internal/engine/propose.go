package engine

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// askNext asks the application for the next block of a group, the newest first, if something
// changed that may make it ready.
func (e *Engine) askNext() {
	if e.asking != nil {
		return
	}
	if e.changed {
		if proposers := e.proposers(); len(proposers) > 0 {
			e.changed, e.toAsk = false, proposers
		}
	}
	for len(e.toAsk) > 0 && e.asking == nil {
		p := e.toAsk[0]
		e.toAsk = e.toAsk[1:]
		if !e.mayPropose(p) {
			continue
		}
		if candidates, directed := e.pool.Candidates(p.group.ID(), e.inOwnBlock); len(candidates) > 0 {
			e.asking = p
			e.emit(NextBlock{Group: p.group.ID(), Candidates: candidates, Directed: directed})
		}
	}
}

// inOwnBlock reports whether a message is in this member's block in a group that is still open. It
// comes back if the group is closed first (R9).
func (e *Engine) inOwnBlock(id block.MessageID) bool {
	return slices.ContainsFunc(e.parts, func(p *part) bool { return p.instance.Proposing(id) })
}

// proposers returns the groups in which this member may propose (R1, R9), the newest first.
func (e *Engine) proposers() []*part {
	var out []*part
	for _, p := range slices.Backward(e.parts) {
		if e.mayPropose(p) {
			out = append(out, p)
		}
	}
	return out
}

// mayPropose reports whether this member may begin a block in a group: in the newest, or in one
// that is held open, while its chain is within its rate and the disk has space (R1).
func (e *Engine) mayPropose(p *part) bool {
	return (p.group == e.newest || e.config.Hold) && p.instance.CanPropose() && p.instance.HasRoom()
}

// chosen makes a candidate of the messages that the application chose.
func (e *Engine) chosen(now int64, ids []block.MessageID) {
	p := e.asking
	e.asking = nil
	if len(ids) > 0 {
		e.scheduleRound(now) // whatever becomes of it, the next round asks again
	}
	messages := make([]block.Message, 0, len(ids))
	for _, id := range ids {
		m, ok := e.pool.Get(id)
		if !ok {
			return // it left the mempool meanwhile
		}
		messages = append(messages, m)
	}
	if p != nil && e.mayPropose(p) {
		p.instance.Propose(now, e.wall.now, messages)
	}
}

func (e *Engine) verdict(now int64, event Verdict) {
	if event.Slot.Creator == e.config.Self {
		e.scheduleRound(now)
		if drops := event.Decision.Drops(); len(drops) > 0 {
			e.pool.Drop(drops, e.wall.now)
			e.changed = true
		}
	}
	if p := e.part(event.Slot.Group); p != nil {
		creator, _ := p.group.Index(event.Slot.Creator)
		p.instance.Verdict(now, creator, event.Block, event.Decision)
	}
}
