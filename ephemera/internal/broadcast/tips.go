package broadcast

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// walk compares the tips of all chains with those of a member that shows equal heights and another
// digest of the tips (R6). It asks for one tip after the other, of one member at a time. A member
// that answers nothing, or shows no difference, is left alone for a while, which doubles.
type walk struct {
	member  int        // who is asked
	chain   int        // the chain that it is asked about
	slot    block.Slot // its tip; zero: no walk is under way
	retry   retry
	patient []patience // by the member's place
}

// patience is when a walk with a member may begin again.
type patience struct{ due, wait int64 }

// Bounds of a walk.
const (
	walkAttempts = 3  // requests for one tip
	walkCaps     = 64 // times Timing.Cap: longest wait before the next walk with a member
)

// CompareTips handles what a member says about its certified heights and the digest of the blocks
// there. If only the digest differs, one of the two lies, or a slot has two certificates.
func (b *Instance) CompareTips(now int64, from int, heights []uint64, tips block.Digest) {
	if !slices.Equal(heights, b.heights) || b.halted {
		return
	}
	b.now = now
	if b.walk.patient == nil {
		b.walk.patient = make([]patience, b.Group.N())
	}
	p := &b.walk.patient[from]
	if tips == b.Tips() {
		*p = patience{}
		return
	}
	if b.walk.slot != (block.Slot{}) || p.due > now {
		return
	}
	b.walk.member, b.walk.chain = from, -1
	b.walkOn()
}

// walkOn asks for the next tip, or ends the walk.
func (b *Instance) walkOn() {
	w := &b.walk
	for w.chain++; w.chain < len(b.chains); w.chain++ {
		if c := b.chains[w.chain]; c.height > 0 && c.stop == nil {
			w.slot = c.slot(b, c.height)
			w.retry.at(b, b.now)
			b.askTip()
			return
		}
	}
	b.endWalk()
}

func (b *Instance) askTip() {
	w := &b.walk
	if w.retry.attempts == walkAttempts {
		b.endWalk()
		return
	}
	b.send(w.member, wire.GetCertified{From: w.slot})
	w.retry.after(b, w.member, b.Timing.Retry, b.Timing.Cap)
}

func (b *Instance) endWalk() {
	w := &b.walk
	p := &w.patient[w.member]
	p.wait = min(max(2*p.wait, b.Timing.Cap), walkCaps*b.Timing.Cap)
	p.due = b.now + p.wait
	w.slot = block.Slot{}
	w.retry.stop()
}

// walked continues with the next chain once the member has shown its block in a slot.
func (b *Instance) walked(from int, slot block.Slot) {
	if from == b.walk.member && slot == b.walk.slot {
		b.walkOn()
	}
}
