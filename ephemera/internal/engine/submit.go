package engine

import (
	"errors"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

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

// directable returns an error if no message can be submitted for this group alone.
func (e *Engine) directable(group membership.ID) error {
	if group == (membership.ID{}) {
		return nil
	}
	if p := e.part(group); p == nil || p.instance.Closed || p.instance.Muted || p.group != e.newest && !e.config.Hold {
		return ErrClosed
	}
	return nil
}

// add adds a message to the mempool and notes when it expires.
func (e *Engine) add(now int64, m block.Message, local bool) error {
	if err := e.pool.Add(m, local, e.moment(now)); err != nil {
		return err
	}
	e.noteExpiry(now, m)
	e.changed = true
	e.offerToBlocks(now, m)
	return nil
}
