package simulation

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// growthBook is what the checker knows about the bytes that chains add to one node's disk. It is
// forgotten at a restart, which fills the buckets.
type growthBook struct {
	chains map[chainKey]*growthOf
	stored map[block.MessageID]bool // bodies on the disk; not forgotten
	starts int64
	full   map[chainKey]bool // chains that a vote let grow since the disk has no more space
}

// growthOf is what a chain has used of its burst: at least, if all bodies that are on the disk were
// free, and at most, if none was.
type growthOf struct{ least, most spending }

// spending is an amount in thousandths of a byte that shrinks with time.
type spending struct{ amount, at int64 }

// until returns the amount at a time.
func (s *spending) until(now, rate int64) int64 {
	s.amount, s.at = max(0, s.amount-(now-s.at)*rate), now
	return s.amount
}

// fixedPrice is what a block of n members costs without its bodies, by PROTOCOL.md R2.
func fixedPrice(n, messages int) int64 { return int64(512 + 64*n + 128*messages) }

// grows checks that a node votes for a block only while its chain is within its rate, and its own
// chain within the lower one.
func (c *checker) grows(n *node, b block.Block) {
	rate, burst := c.w.schedule.Rate, c.w.schedule.Burst
	k := c.key(b.Header.Slot())
	group := c.w.groups[k.group]
	c.fits(n, k)
	if rate == 0 || group.N() == 1 {
		return
	}
	if k.creator == n.place {
		rate, burst = max(rate*9/10, 1), max(burst/2, 1)
	}
	book := c.growth(n, k)
	now, fixed := n.clock(), fixedPrice(group.N(), len(b.Messages))
	if used := book.least.until(now, rate); used >= burst*1000 {
		c.violate("growth", "node %d votes for %s, whose chain has used %d bytes of %d", n.place, c.w.slot(b.Header.Slot()), used/1000, burst)
	}
	added, all := fixed, fixed
	for _, m := range b.Messages {
		all += int64(m.Size())
		if !c.nodes[n.place].growth.stored[m.ID()] {
			added += int64(m.Size())
		}
	}
	book.most.until(now, rate)
	book.least.amount += added * 1000
	book.most.amount += all * 1000
}

// fits checks that a node without space votes for no more than the block of each chain that was
// under way.
func (c *checker) fits(n *node, k slotKey) {
	book, chain := &c.nodes[n.place].growth, chainKey{k.group, k.creator}
	if n.told.Free >= n.told.Critical {
		return
	}
	if book.full[chain] {
		c.violate("growth", "node %d votes for a block of node %d with %d bytes left on its disk", n.place, k.creator, n.told.Free)
	}
	if book.full == nil {
		book.full = map[chainKey]bool{}
	}
	book.full[chain] = true
}

func (c *checker) growth(n *node, k slotKey) *growthOf {
	book := &c.nodes[n.place].growth
	chain := chainKey{k.group, k.creator}
	if book.chains[chain] == nil {
		if book.chains == nil {
			book.chains = map[chainKey]*growthOf{}
		}
		book.chains[chain] = &growthOf{}
	}
	return book.chains[chain]
}

// keepBodies notes which bodies a write puts on a node's disk. Nobody asks without a rate.
func (c *checker) keepBodies(n *node, w store.Write) {
	if c.w.schedule.Rate == 0 {
		return
	}
	var messages []block.Message
	switch w := w.(type) {
	case store.PutVote:
		messages = w.Block.Messages
	case store.PutCertified:
		messages = w.Block.Messages
	case store.PutRepaired:
		messages = w.Block.Messages
	}
	book := &c.nodes[n.place].growth
	if book.stored == nil {
		book.stored = map[block.MessageID]bool{}
	}
	for _, m := range messages {
		book.stored[m.ID()] = true
	}
}

// postponed checks that a node lets a block wait only if its votes have used up the chain's rate:
// what is certified costs a chain nothing.
func (c *checker) postponed(n *node, e broadcast.Postponed) {
	c.w.stats.Postponed++
	k := c.key(e.Slot)
	c.w.trace.add(c.w.now, 'w', n.place, k.creator, e.Slot.Height)
	c.w.trace.printf(c.w.now, "%d postpones %s", n.place, c.w.slot(e.Slot))
	if n.byzantine != nil {
		return
	}
	if e.Space {
		if n.told.Free >= n.told.Low {
			c.violate("growth", "node %d lets %s wait, and its disk has space", n.place, c.w.slot(e.Slot))
		}
		return
	}
	if used := c.growth(n, k).most.until(n.clock(), c.w.schedule.Rate); used < c.w.schedule.Burst*1000 {
		c.violate("growth", "node %d lets %s wait, whose chain has used %d bytes of %d", n.place, c.w.slot(e.Slot), used/1000, c.w.schedule.Burst)
	}
}

// grown checks what each chain has added to the disks of correct nodes. Every certified block was
// voted for, and so paid for, by q members less the faulty ones.
func (c *checker) grown() {
	if c.w.schedule.Rate == 0 || c.failed() {
		return
	}
	once := c.bodiesOfOneChain()
	for i, group := range c.w.groups {
		paid, correct := int64(0), 0
		for place, n := range c.w.nodes {
			if group.Contains(n.key.Public()) && c.correct(place, i) {
				correct++
				passed := max(0, n.clock()-Beginning-n.offset)
				largest := fixedPrice(group.N(), int(c.w.options.Limits.BlockMessages)) + int64(c.w.options.Limits.BlockBytes) + maxPayload
				paid += c.w.schedule.Rate*(passed+1)/1000 + c.nodes[place].growth.starts*(c.w.schedule.Burst+largest)
			}
		}
		_, q := quorumTwin(group.N())
		payers := int64(q - (group.N() - correct))
		if payers < 1 || group.N() == 1 {
			continue
		}
		for place, n := range c.w.nodes {
			if g := n.disk.find(group.ID()); g != nil && c.correct(place, i) {
				c.grownAt(n, g, paid/payers, once)
			}
		}
	}
}

// grownAt checks what each chain of a group has added to a node's disk.
func (c *checker) grownAt(n *node, g *diskGroup, most int64, once map[block.MessageID]int) {
	for j := range g.chains {
		added := int64(0)
		for _, held := range g.chains[j].certified {
			added += fixedPrice(g.group.N(), int(held.Block.Header.Count))
			for _, m := range held.Block.Messages {
				if once[m.ID()] == 1 {
					added += int64(m.Size())
				}
			}
		}
		if added > most {
			c.violate("growth", "the chain of node %d in group %d added %d bytes to the disk of node %d, more than %d",
				c.w.places[g.group.Member(j)], g.group.Number(), added, n.place, most)
		}
	}
}

// bodiesOfOneChain counts the chains that hold each message. Which of several chains paid for a
// body may differ from node to node.
func (c *checker) bodiesOfOneChain() map[block.MessageID]int {
	chains := map[block.MessageID]map[chainKey]bool{}
	for _, n := range c.w.nodes {
		for _, g := range n.disk.groups {
			for j := range g.chains {
				at := chainKey{int(g.group.Number()), j}
				for _, held := range g.chains[j].certified {
					for _, m := range held.Block.Messages {
						if chains[m.ID()] == nil {
							chains[m.ID()] = map[chainKey]bool{}
						}
						chains[m.ID()][at] = true
					}
				}
			}
		}
	}
	counts := make(map[block.MessageID]int, len(chains))
	for id, in := range chains {
		counts[id] = len(in)
	}
	return counts
}

// Thresholds of every node's disk, in bytes. What is left is decided by faults, not by what nodes
// store.
const (
	lowSpace      = int64(1000)
	criticalSpace = int64(300)
	measureEvery  = int64(500) // milliseconds, while little is left
)

// fillDisk begins a fault of a node's disk. A newer one replaces an older one.
func (w *world) fillDisk(n *node, f Fault) {
	f.For = min(f.For, w.schedule.Heal-f.At)
	n.full = f
	w.trace.printf(w.now, "the disk of %d has %d bytes left", n.place, f.Free)
	w.checkDisk(n)
}

// space returns what is left on a node's disk.
func (n *node) space() engine.Space {
	s := engine.Space{Free: lowSpace, Low: lowSpace, Critical: criticalSpace}
	if f := n.full; f.Kind == FillDisk && n.w.now < (f.At+f.For)*1000 {
		s.Free = f.Free
	}
	return s
}

// measure tells the engine what is left on the disk, as the shipped runner does.
func (n *node) measure() {
	if n.full.Kind == FillDisk && n.up && n.halted == "" {
		n.told = n.space()
		if n.told.Free >= criticalSpace {
			n.w.check.nodes[n.place].growth.full = nil
		}
		n.step(n.told)
	}
}

// checkDisk measures now, and again later while little is left.
func (w *world) checkDisk(n *node) {
	n.measure()
	f := n.full
	end := (f.At + f.For) * 1000
	if w.now < end {
		index := slices.IndexFunc(w.schedule.Faults, func(o Fault) bool { return o.Kind == FillDisk && o.Node == n.place && o.At == f.At })
		w.queue.push(min(w.now+measureEvery*1000, end), task{kind: recovery, index: int32(index)})
	}
}

// drawGrowth draws disks with little space, and a rate of chains that some of them reach: those of
// hoarders, and of a node whose clients submit much at once.
func drawGrowth(rng *random, s *Schedule, any bool) {
	if rng.permille(150) {
		for range 1 + rng.below(s.Nodes) {
			s.Faults = append(s.Faults, Fault{
				Kind: FillDisk, Node: rng.below(s.Nodes), At: int64(rng.below(drawnActive)), For: rng.between(100, 4000), Free: int64(rng.below(int(lowSpace))),
			})
		}
	}
	if !rng.permille(200) {
		return
	}
	s.Rate, s.Burst = 8000<<rng.below(5), 512<<rng.below(6)
	for i := range s.Byzantine {
		if any && rng.permille(300) {
			s.Byzantine[i].Adversary = "hoarder"
		}
	}
	if node := rng.below(s.Nodes); rng.permille(500) {
		for range 1 + rng.below(40) {
			s.Submissions = append(s.Submissions, Submission{At: int64(rng.below(drawnActive)), Node: node, Size: 8 + rng.below(200)})
		}
	}
}
