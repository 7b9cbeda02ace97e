package broadcast

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// Rate bounds what the chain of one creator adds to this member's store (R2). The zero value bounds
// nothing.
type Rate struct {
	PerSecond int64 // bytes
	Burst     int64 // bytes that a chain may add at once after a quiet time
}

// own returns the rate to which a creator holds itself. Blocks of a few seconds may reach a member
// at once, so the burst is half of the one that members grant.
func (r Rate) own() Rate { return Rate{PerSecond: max(r.PerSecond*9/10, 1), Burst: max(r.Burst/2, 1)} }

// The price of a block without its bodies, in bytes.
const (
	headerPrice    = 512 // the signed header, and rows of indexes
	signaturePrice = 64  // of each member, in a certificate
	leafPrice      = 128 // what is kept of each message: its ID, sender, time, and where it is
)

// thousand: a bucket counts thousandths of a byte, so that each millisecond refills a whole number.
const thousand = 1000

// bucket is how much of its burst a chain has spent. The zero value has spent nothing.
type bucket struct {
	spent int64 // thousandths of a byte; more than the burst: a debt
	at    int64 // when spent was computed
}

// refill gives back what the rate allows since the last time.
func (k *bucket) refill(r Rate, now int64) {
	elapsed := now - k.at
	if elapsed <= 0 {
		return
	}
	k.at = now
	if k.spent/r.PerSecond < elapsed {
		k.spent = 0
	} else {
		k.spent -= elapsed * r.PerSecond
	}
}

// positive reports whether something is left at this time.
func (k *bucket) positive(r Rate, now int64) bool {
	if r.PerSecond <= 0 {
		return true
	}
	k.refill(r, now)
	return k.spent < r.Burst*thousand
}

// due returns when something will be left. It must not be positive now.
func (k *bucket) due(r Rate) int64 { return k.at + (k.spent-r.Burst*thousand)/r.PerSecond + 1 }

// pay spends an amount of bytes.
func (k *bucket) pay(r Rate, now, bytes int64) {
	if r.PerSecond > 0 {
		k.refill(r, now)
		k.spent += bytes * thousand
	}
}

// price returns what a block adds to this member's store, in bytes. Bodies that the store holds
// already, in the block of another chain, are free.
func (b *Instance) price(blk block.Block) int64 {
	price := int64(headerPrice + signaturePrice*b.Group.N() + leafPrice*len(blk.Messages))
	for _, m := range blk.Messages {
		if !b.Stored.Has(m.ID()) {
			price += int64(m.Size())
		}
	}
	return price
}

// grow notes that a block is about to be stored that is not yet. Only a vote draws on the chain's
// bucket: what is certified has the echoes of others, and is stored in any case.
func (b *Instance) grow(c *chain, blk block.Block, vote bool) {
	if b.Group.N() == 1 {
		return
	}
	price := b.price(blk)
	c.used.add(b.now, price)
	if vote {
		c.bucket.pay(b.rate(c), b.now, price)
	}
	for _, m := range blk.Messages {
		b.Stored.Add(m.ID())
	}
}

// rate returns the rate of a chain: this member holds itself to a lower one, so that others never
// let its chain wait. A group of one holds up nobody.
func (b *Instance) rate(c *chain) Rate {
	switch {
	case b.Rate.PerSecond <= 0 || b.Group.N() == 1:
		return Rate{}
	case c.creator == b.Self:
		return b.Rate.own()
	}
	return b.Rate
}

// withinRate reports whether a chain's bucket is positive.
func (b *Instance) withinRate(c *chain) bool { return c.bucket.positive(b.rate(c), b.now) }

// HasRoom reports whether this member may make a block now: its chain is within its rate, and the
// disk has space (R1).
func (b *Instance) HasRoom() bool { return b.hasRoom(b.chains[b.Self]) }

func (b *Instance) hasRoom(c *chain) bool { return b.withinRate(c) && b.hasSpace(c) }

// postpone lets the block of an open slot wait for its chain's bucket or for space (R2). Its
// proposal is kept.
func (b *Instance) postpone(c *chain) {
	o, within := c.open, b.withinRate(c)
	if o.state != postponed {
		b.emit(Postponed{Slot: o.header.Header.Slot(), Block: o.id, Space: within})
	}
	o.state = postponed
	o.retry.stop()
	if !within {
		o.retry.at(b, c.bucket.due(b.rate(c)))
	}
}

// letIn gathers the block of an open slot, or lets it wait.
func (b *Instance) letIn(c *chain) {
	o := c.open
	if !b.hasRoom(c) {
		b.postpone(c)
		return
	}
	o.state = gathering
	if o.missing == 0 {
		b.bodiesComplete(c)
	} else {
		o.retry.at(b, b.now+b.Timing.Fetch)
	}
}

// StoredBodies remembers the messages that were stored last. It is shared by the instances of a
// member, which has one store. A nil one remembers nothing.
type StoredBodies struct {
	most       int // in each of the maps
	young, old map[block.MessageID]struct{}
}

// NewStoredBodies returns a memory of at least this many messages, and at most twice as many.
func NewStoredBodies(least int) *StoredBodies {
	return &StoredBodies{most: max(least, 1), young: map[block.MessageID]struct{}{}}
}

// Has reports whether a message is known to be stored.
func (s *StoredBodies) Has(id block.MessageID) bool {
	if s == nil {
		return false
	}
	_, young := s.young[id]
	_, old := s.old[id]
	return young || old
}

// Add notes that a message is stored. The oldest half is forgotten when there are too many.
func (s *StoredBodies) Add(id block.MessageID) {
	if s == nil || s.Has(id) {
		return
	}
	if len(s.young) >= s.most {
		s.old, s.young = s.young, make(map[block.MessageID]struct{}, s.most)
	}
	s.young[id] = struct{}{}
}
