package admission

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Bounds on what is remembered of certified slots. What is forgotten is looked at whole.
const (
	keptGroups  = 8  // groups, those in which something happened last
	keptHeights = 64 // of each chain, the highest ones
)

// book knows what is certified here, and against whom there is evidence. It is never ahead of the
// engine, because only durable writes enter it.
type book struct{ groups []*groupBook } // the last used one first

type groupBook struct {
	group  membership.ID
	chains map[keys.Public]*chainBook
}

// chainBook is one creator's chain.
type chainBook struct {
	height uint64     // highest certified height
	recent []block.ID // certified blocks, height h at place h modulo keptHeights; zero: unknown
	barred bool       // there is evidence against the creator
}

// Restore takes what is durable of a group when the node starts.
func (a *Admission) Restore(group membership.ID, state store.State) {
	for _, c := range state.Chains {
		if c.Certified > 0 {
			a.book.chain(group, c.Creator).certify(c.Certified, c.Tip)
		}
	}
	for _, e := range state.Evidence {
		a.book.chain(group, e.A.Header.Creator).barred = true
	}
}

// Note takes a write that has become durable.
func (a *Admission) Note(write store.Write) {
	switch w := write.(type) {
	case store.PutCertified:
		a.proofs.drop(w.Certificate.Block)
		a.book.chain(w.Block.Header.Group, w.Block.Header.Creator).certify(w.Block.Header.Height, w.Certificate.Block)
	case store.PutEvidence:
		a.book.chain(w.Evidence.A.Header.Group, w.Evidence.A.Header.Creator).barred = true
	}
}

// chain returns the chain of a creator, to which something is added.
func (b *book) chain(group membership.ID, creator keys.Public) *chainBook {
	i := slices.IndexFunc(b.groups, func(g *groupBook) bool { return g.group == group })
	if i < 0 {
		b.groups = slices.Insert(b.groups, 0, &groupBook{group: group, chains: map[keys.Public]*chainBook{}})
		b.groups = b.groups[:min(len(b.groups), keptGroups)]
	} else if i > 0 {
		g := b.groups[i]
		copy(b.groups[1:i+1], b.groups[:i])
		b.groups[0] = g
	}
	chains := b.groups[0].chains
	c := chains[creator]
	if c == nil {
		c = &chainBook{}
		chains[creator] = c
	}
	return c
}

// certify adds a certified block. Heights are certified in order, except that the engine begins
// with any height when it starts.
func (c *chainBook) certify(height uint64, id block.ID) {
	switch {
	case height+keptHeights <= c.height:
		return
	case height > c.height+1:
		c.recent = nil
	}
	c.height = max(c.height, height)
	if c.recent == nil {
		c.recent = make([]block.ID, keptHeights)
	}
	c.recent[height%keptHeights] = id
}

// find returns the chain of a creator, or nil.
func (b *book) find(group membership.ID, creator keys.Public) *chainBook {
	for _, g := range b.groups {
		if g.group == group {
			return g.chains[creator]
		}
	}
	return nil
}

// certified returns the block that is certified in a slot, if it is known.
func (b *book) certified(slot block.Slot) (id block.ID, ok bool) {
	c := b.find(slot.Group, slot.Creator)
	if c == nil || slot.Height > c.height || slot.Height+keptHeights <= c.height {
		return block.ID{}, false
	}
	id = c.recent[slot.Height%keptHeights]
	return id, id != block.ID{}
}

// covers reports whether exactly this block is certified in a slot.
func (b *book) covers(slot block.Slot, id block.ID) bool {
	known, ok := b.certified(slot)
	return ok && known == id
}

// isTip reports whether a slot is the highest certified one of its chain.
func (b *book) isTip(slot block.Slot) bool {
	c := b.find(slot.Group, slot.Creator)
	return c != nil && c.height == slot.Height
}

func (b *book) barred(group membership.ID, creator keys.Public) bool {
	c := b.find(group, creator)
	return c != nil && c.barred
}
