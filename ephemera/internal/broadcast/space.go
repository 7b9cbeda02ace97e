package broadcast

import "github.com/ephemera-go/nym-rewarding/ephemera/block"

// Space is what is left on the disk of the store, in bytes. Below Low, the blocks of chains wait
// (R2): the nearer Free is to Critical, the more chains wait, those first that used most recently.
// Below Critical all chains wait, this member's own, too. The zero value is enough space.
type Space struct{ Free, Low, Critical int64 }

// usage is what a chain used recently, in bytes. It halves at the turn of each minute.
type usage struct {
	bytes int64
	at    int64 // when bytes was halved last
}

// halfLife is in milliseconds.
const halfLife = 60_000

// until halves the usage for the time that has passed, and returns it.
func (u *usage) until(now int64) int64 {
	if halves := (now - u.at) / halfLife; halves > 0 {
		u.bytes >>= min(halves, 62)
		u.at += halves * halfLife
	}
	return u.bytes
}

func (u *usage) add(now, bytes int64) { u.bytes = u.until(now) + bytes }

// SetSpace handles a change of what is left on the disk. Blocks that may be let in now are.
func (b *Instance) SetSpace(now int64, s Space) {
	b.step(now)
	b.space = s
	for _, c := range b.chains {
		if c.open != nil && c.open.state == postponed && !b.halted {
			b.letIn(c)
		}
	}
}

// hasSpace reports whether the disk has room for the next block of a chain.
func (b *Instance) hasSpace(c *chain) bool {
	s := b.space
	if s.Free >= s.Low {
		return true
	}
	if s.Free < s.Critical || s.Low <= s.Critical {
		return false
	}
	if c.creator == b.Self {
		return true
	}
	others := int64(len(b.chains) - 1)
	waiting := (others*(s.Low-s.Free) + s.Low - s.Critical - 1) / (s.Low - s.Critical)
	return b.heavier(c) >= waiting
}

// heavier counts the chains of others that used more recently than this one, and those before it
// that used as much.
func (b *Instance) heavier(c *chain) int64 {
	count, used := int64(0), c.used.until(b.now)
	for _, other := range b.chains {
		if other == c || other.creator == b.Self {
			continue
		}
		if u := other.used.until(b.now); u > used || u == used && other.creator < c.creator {
			count++
		}
	}
	return count
}

// voted reports whether this member has voted for this block of the open slot.
func (c *chain) voted(id block.ID) bool {
	return c.open != nil && c.open.id == id && c.open.state >= voting
}
