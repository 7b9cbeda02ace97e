package engine

import (
	"errors"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// recheck is when the application is asked again about the messages to which it said later. They
// share one timer.
type recheck struct {
	due      int64 // 0: nothing waits, or all are being asked about
	attempts int   // since messages began to wait, or since the last Wake
}

// longestRecheck times Timing.Reconsider is the longest wait, as for blocks.
const longestRecheck = 8

// takeMessages gives bodies to the blocks that wait for them, at once. It asks the application
// about those that the mempool has room for.
func (e *Engine) takeMessages(now int64, messages []block.Message) {
	for _, m := range messages {
		delete(e.requested, m.ID())
		ask, err := e.pool.Reserve(m, e.ownBeforeRestart(m), e.moment(now))
		switch {
		case ask:
			e.noteExpiry(now, m)
			e.emit(CheckMessage{Message: m})
		case err == nil:
			e.changed = true // it was here, and is this member's own from now on
		case errors.Is(err, mempool.ErrExpired):
			e.pool.Refuse(m.ID()) // the verdict never changes, so do not fetch it again
		}
		e.offerToBlocks(now, m)
	}
}

// messageChecked handles the application's answer about a message. Later is never a no: the message
// keeps its room and is asked about again, until it expires.
func (e *Engine) messageChecked(now int64, event MessageChecked) {
	switch d := event.Decision; {
	case d.IsZero():
		panic("engine: the runner let the zero Decision pass")
	case d.IsAccept():
		if e.pool.Admit(event.ID, e.moment(now)) {
			e.changed = true
		}
	case d.IsReject():
		if e.pool.IsPending(event.ID) { // else it was submitted here meanwhile, and accepted
			e.pool.Refuse(event.ID)
		}
	default:
		e.postpone(now, event.ID)
	}
}

func (e *Engine) postpone(now int64, id block.MessageID) {
	switch waits, again := e.pool.Postpone(id); {
	case !waits:
	case again:
		e.askAgain()
	case e.recheck.due == 0:
		reconsider := e.config.Timing.WithDefaults().Reconsider
		e.recheck.due = now + min(longestRecheck*reconsider, reconsider<<min(e.recheck.attempts, 16))
	}
}

// askAgain asks about all messages to which the application said later.
func (e *Engine) askAgain() {
	e.recheck.due = 0
	for _, m := range e.pool.AskAgain() {
		e.emit(CheckMessage{Message: m})
	}
}

// tickMessages does what is due: messages expire, and others are asked about again.
func (e *Engine) tickMessages(now int64) {
	if e.expiry != 0 && e.expiry <= now {
		_, e.expiry = e.pool.Expire(now)
	}
	if e.recheck.due != 0 && e.recheck.due <= now {
		if e.pool.Waiting() == 0 { // they have left
			e.recheck = recheck{}
			return
		}
		e.recheck.attempts++
		e.askAgain()
	}
}

// wakeMessages asks again because the application's state changed.
func (e *Engine) wakeMessages() {
	e.pool.Wake()
	e.recheck.attempts = 0
	e.askAgain()
}

// noteExpiry notes when a message expires.
func (e *Engine) noteExpiry(now int64, m block.Message) {
	if expiry := e.pool.Expiry(m, e.moment(now)); e.expiry == 0 || expiry < e.expiry {
		e.expiry = expiry
	}
}

// ownBeforeRestart reports whether a message was this member's own before its restart, which
// emptied the mempool. Then it is its own message again.
func (e *Engine) ownBeforeRestart(m block.Message) bool {
	return m.Sender() == e.config.Self && m.Time() <= e.started+e.wall.ahead
}

// offerToBlocks gives a body to every open block that waits for it.
func (e *Engine) offerToBlocks(now int64, m block.Message) {
	for _, p := range e.parts {
		p.instance.Message(now, m)
	}
}
