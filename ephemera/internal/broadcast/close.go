package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Close ends this member's signing in the group (R9). The closing is durable before Close is
// called. The messages of its open slot go back to the mempool. That block may still become
// certified, so applications de-duplicate by message ID.
func (b *Instance) Close(now int64) {
	b.step(now)
	b.Closed = true
	b.candidate = nil
	if b.own != nil {
		for i := range b.own.resend {
			b.own.resend[i].stop()
		}
	}
	for _, c := range b.chains {
		o := c.open
		if o == nil {
			continue
		}
		if c.creator == b.Self {
			b.emit(Returned{Messages: o.bodies})
		}
		if o.undecided() {
			o.state = withheld
			o.retry.stop()
			b.sendClosed(c, o)
		}
	}
}

func (b *Instance) sendClosed(c *chain, o *slot) {
	b.send(c.creator, wire.Closed{Slot: o.header.Header.Slot()})
}

// Idle reports whether no slot of the group that this member knows of waits for an echo or a
// certificate.
func (b *Instance) Idle() bool {
	if b.candidate != nil {
		return false
	}
	for _, c := range b.chains {
		if c.stop != nil {
			continue
		}
		if o := c.open; c.proof != nil || c.lost != nil || o != nil && o.state != rejected && o.state != withheld {
			return false
		}
	}
	return true
}

// Quiet reports whether this member fetches nothing in the group, and has told everybody of forks.
func (b *Instance) Quiet() bool {
	return b.walk.slot == (block.Slot{}) && !slices.ContainsFunc(b.chains, func(c *chain) bool {
		return c.proof != nil || c.pull.armed() || len(c.repairs) > 0 || c.telling() || c.inquiry.armed()
	})
}

// PeerClosed handles a member's statement that it signs nothing new in the group: it is sent no
// more proposals (R7).
func (b *Instance) PeerClosed(now int64, from int, f wire.Closed) {
	b.step(now)
	c := b.chains[b.Self]
	if b.own != nil && c.open != nil && f.Slot == c.open.header.Header.Slot() {
		b.own.done[from] = true
		b.own.resend[from].stop()
	}
}
