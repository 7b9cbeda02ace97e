package simulation

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// disk is what a member keeps across crashes: its vote store, with the semantics of package store.
// Every write is synced as it is carried out, except delivery cursors, which travel with the next
// commit as in the shipped runner. It is a plain structure for speed; a test compares it with
// store/memory.
type disk struct {
	starts       uint64 // as in store.Identity
	mutedThrough uint64
	votes        uint64 // commits that held votes, as in store.Identity
	fresh        bool   // no identity yet
	groups       []diskGroup
	cursors      []store.PutDelivered // not durable yet
	rotten       bool                 // a body on it was damaged once
	running      int64                // milliseconds for which it was in use
}

type diskGroup struct {
	group    *membership.Group
	closed   bool
	chains   []diskChain // by the creator's place
	evidence []store.Evidence
	forks    []store.Fork
}

type diskChain struct {
	votes     []vote            // ascending by height
	certified []store.Certified // from height 1, without gaps
	arrived   []int64           // running time at which each came with its messages
	leaves    [][]leaf          // of the blocks whose messages were removed or damaged
	delivered uint64
}

// leaf is what a store keeps of a message apart from it.
type leaf struct {
	id     block.MessageID
	sender keys.Public
	time   int64
}

func leavesOf(messages []block.Message) []leaf {
	all := make([]leaf, 0, len(messages))
	for _, m := range messages {
		all = append(all, leaf{m.ID(), m.Sender(), m.Time()})
	}
	return all
}

// keepLeaves notes the leaves of a block before its messages are removed or damaged. They stay
// right from then on.
func (c *diskChain) keepLeaves(height uint64) {
	if k := height - 1; c.leaves[k] == nil {
		c.leaves[k] = leavesOf(c.certified[k].Block.Messages)
	}
}

type vote struct {
	height uint64
	id     block.ID
	block  block.Block
	late   bool // made after the group was closed
}

func newDisk() *disk { return &disk{fresh: true} }

// snapshot returns a copy, as an operator would make it.
func (d *disk) snapshot() *disk {
	c := *d
	c.cursors = nil
	c.groups = slices.Clone(d.groups)
	for i := range c.groups {
		g := &c.groups[i]
		g.evidence, g.forks = slices.Clone(g.evidence), slices.Clone(g.forks)
		g.chains = slices.Clone(g.chains)
		for j := range g.chains {
			g.chains[j].votes = slices.Clone(g.chains[j].votes)
			g.chains[j].certified = slices.Clone(g.chains[j].certified)
			g.chains[j].arrived = slices.Clone(g.chains[j].arrived)
			g.chains[j].leaves = slices.Clone(g.chains[j].leaves)
		}
	}
	return &c
}

func (d *disk) find(id membership.ID) *diskGroup {
	for i := range d.groups {
		if d.groups[i].group.ID() == id {
			return &d.groups[i]
		}
	}
	return nil
}

// chain returns the chain of a slot, or nil if the group was never recorded.
func (d *disk) chain(slot block.Slot) *diskChain {
	g := d.find(slot.Group)
	if g == nil {
		return nil
	}
	i, ok := g.group.Index(slot.Creator)
	if !ok {
		return nil
	}
	return &g.chains[i]
}

// commit makes a write durable.
func (d *disk) commit(w store.Write) error {
	switch w := w.(type) {
	case store.PutDelivered:
		d.cursors = append(d.cursors, w)
		return nil
	case store.PutGroup:
		return d.putGroup(w.Group)
	case store.PutClosed:
		g := d.find(w.Group)
		if g == nil {
			return store.ErrNotFound
		}
		g.closed = true
	case store.PutVote:
		if err := d.putVote(w.Block); err != nil {
			return err
		}
		d.votes++
	case store.PutCertified:
		if err := d.putCertified(w); err != nil {
			return err
		}
	case store.PutRepaired:
		if err := d.repair(w); err != nil {
			return err
		}
	case store.PutEvidence:
		d.putEvidence(w.Evidence)
	case store.PutFork:
		d.putFork(w.Fork)
	}
	d.sync()
	return nil
}

// sync makes the delivery cursors durable.
func (d *disk) sync() {
	for _, w := range d.cursors {
		if c := d.chain(w.Slot); c != nil {
			c.delivered = max(c.delivered, w.Slot.Height)
		}
	}
	d.cursors = d.cursors[:0]
}

func (d *disk) putGroup(group *membership.Group) error {
	for _, g := range d.groups {
		if g.group.Number() == group.Number() {
			if g.group.ID() != group.ID() {
				return store.ErrGroup
			}
			return nil
		}
	}
	d.groups = append(d.groups, diskGroup{group: group, chains: make([]diskChain, group.N())})
	slices.SortFunc(d.groups, func(a, b diskGroup) int { return int(a.group.Number()) - int(b.group.Number()) })
	return nil
}

func (c *diskChain) vote(height uint64) *vote {
	for i := len(c.votes) - 1; i >= 0; i-- {
		if c.votes[i].height == height {
			return &c.votes[i]
		}
	}
	return nil
}

func (d *disk) putVote(b block.Block) error {
	c, id := d.chain(b.Header.Slot()), b.ID()
	if c == nil {
		return fmt.Errorf("vote in a group that is not recorded: %w", store.ErrNotFound)
	}
	if v := c.vote(b.Header.Height); v != nil {
		if v.id != id {
			return store.ErrVoted
		}
		return nil
	}
	b.Messages = slices.Clone(b.Messages)
	c.votes = append(c.votes, vote{height: b.Header.Height, id: id, block: b, late: d.find(b.Header.Group).closed})
	return nil
}

func (d *disk) putCertified(w store.PutCertified) error {
	c, height := d.chain(w.Block.Header.Slot()), w.Block.Header.Height
	if c == nil {
		return fmt.Errorf("certificate in a group that is not recorded: %w", store.ErrNotFound)
	}
	proof := w.Certificate // immutable, and so shared by all members
	held := store.Certified{Block: w.Block, Certificate: proof}
	if held.Block.Pruned() && height <= uint64(len(c.certified)) {
		held.Block = c.certified[height-1].Block // bodies that are present stay
	}
	if height == uint64(len(c.certified))+1 {
		c.arrived, c.leaves = append(c.arrived, d.running), append(c.leaves, nil)
	} else if height <= uint64(len(c.certified)) && c.certified[height-1].Block.Pruned() && !held.Block.Pruned() {
		c.arrived[height-1] = d.running
	}
	switch stored := uint64(len(c.certified)); {
	case height <= stored:
		if c.certified[height-1].Certificate.Block != proof.Block {
			return store.ErrConflict
		}
		c.certified[height-1] = held
	case height == stored+1:
		c.certified = append(c.certified, held)
	default:
		return fmt.Errorf("certified height %d is not the next one above %d", height, stored)
	}
	return nil
}

func (d *disk) putEvidence(e store.Evidence) {
	g := d.find(e.A.Header.Group)
	if g == nil || g.evidenceOf(e) {
		return
	}
	g.evidence = append(g.evidence, e)
}

func (d *disk) putFork(f store.Fork) {
	g := d.find(f.A.Slot.Group)
	if g != nil && !slices.ContainsFunc(g.forks, func(o store.Fork) bool { return o.A.Slot.Creator == f.A.Slot.Creator }) {
		g.forks = append(g.forks, f)
	}
}

func (g *diskGroup) evidenceOf(e store.Evidence) bool {
	return slices.ContainsFunc(g.evidence, func(o store.Evidence) bool { return o.A.Header.Creator == e.A.Header.Creator })
}

// barred reports whether there is proof that a header's creator signed two blocks for one slot
// (R3).
func (g *diskGroup) barred(h block.Header) bool {
	return slices.ContainsFunc(g.evidence, func(e store.Evidence) bool { return e.A.Header.Creator == h.Creator })
}

// prune removes the messages of delivered blocks, except the newest keep blocks of each chain, as
// store.Retention does.
func (d *disk) prune(keep uint64, report func(block.Slot)) {
	d.remove(report, func(c *diskChain, height uint64) bool { return height+keep <= uint64(len(c.certified)) })
}

// pruneOlder removes the messages of delivered blocks that have been here for an age in running
// time, as store.Retention does.
func (d *disk) pruneOlder(age int64, report func(block.Slot)) {
	d.remove(report, func(c *diskChain, height uint64) bool { return d.running-c.arrived[height-1] >= age })
}

func (d *disk) remove(report func(block.Slot), selected func(c *diskChain, height uint64) bool) {
	for i := range d.groups {
		g := &d.groups[i]
		for j := range g.chains {
			c := &g.chains[j]
			for k := range c.certified {
				height, b := uint64(k)+1, &c.certified[k].Block
				if height > c.delivered || !selected(c, height) || len(b.Messages) == 0 {
					continue
				}
				c.keepLeaves(height)
				b.Messages = nil
				if v := c.vote(height); v != nil {
					v.block.Messages = nil
				}
				report(b.Header.Slot())
			}
		}
	}
}

// included returns the messages of certified blocks that are signed since a time, as
// store.Store.Included does. own is the store's key.
func (d *disk) included(since int64, own keys.Public) []store.Included {
	var all []store.Included
	for i := range d.groups {
		g := &d.groups[i]
		for j := range g.chains {
			c := &g.chains[j]
			for k, held := range c.certified {
				kept := c.leaves[k]
				if kept == nil {
					kept = leavesOf(held.Block.Messages)
				}
				for _, m := range kept {
					if m.time >= since {
						all = append(all, store.Included{ID: m.id, Sender: m.sender, Time: m.time, Own: g.group.Member(j) == own})
					}
				}
			}
		}
	}
	return store.MergeIncluded(all)
}

// load returns what an engine needs to continue.
func (g *diskGroup) load() store.State {
	state := store.State{Evidence: slices.Clone(g.evidence), Forks: slices.Clone(g.forks)}
	for i := range g.chains {
		c := &g.chains[i]
		if len(c.votes) == 0 && len(c.certified) == 0 {
			continue
		}
		out := store.Chain{Creator: g.group.Member(i), Certified: uint64(len(c.certified)), Delivered: c.delivered}
		if n := len(c.certified); n > 0 {
			out.Tip = c.certified[n-1].Certificate.Block
		}
		for _, v := range c.votes {
			if v.height > out.Certified {
				out.Votes = append(out.Votes, v.block)
			}
		}
		state.Chains = append(state.Chains, out)
	}
	return state
}

// block returns a stored block.
func (d *disk) block(slot block.Slot, id block.ID) (block.Block, bool) {
	c := d.chain(slot)
	if c == nil {
		return block.Block{}, false
	}
	if n := slot.Height; n >= 1 && n <= uint64(len(c.certified)) && c.certified[n-1].Certificate.Block == id {
		return c.certified[n-1].Block, true
	}
	if v := c.vote(slot.Height); v != nil && v.id == id {
		return v.block, true
	}
	return block.Block{}, false
}

// certified returns the certified block of a slot.
func (d *disk) certified(slot block.Slot) (store.Certified, bool) {
	c := d.chain(slot)
	if c == nil || slot.Height < 1 || slot.Height > uint64(len(c.certified)) {
		return store.Certified{}, false
	}
	return c.certified[slot.Height-1], true
}

// from returns certified blocks of a chain from a slot upwards, within the bounds of a frame. It
// stops before a damaged block, and returns an error if that is the first.
func (d *disk) from(slot block.Slot) (blocks []wire.Held, err error) {
	size := 0
	for len(blocks) < wire.MaxBlocks {
		held, ok := d.certified(slot)
		if !ok {
			break
		}
		if err := d.check(held.Certificate.Block, held.Block); err != nil {
			if len(blocks) == 0 {
				return nil, err
			}
			break
		}
		if size += held.Block.BodyBytes(); size > wire.BatchBytes && len(blocks) > 0 {
			break
		}
		proof := held.Certificate
		blocks = append(blocks, wire.Held{Block: held.Block, Certificate: &proof})
		slot.Height++
	}
	return blocks, nil
}
