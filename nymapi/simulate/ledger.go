package simulate

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// Outcome is the outcome of an epoch. If the run ends before it is settled, neither Rewarded nor
// Missed is set.
type Outcome struct {
	Rewarded bool
	Missed   bool
	Winner   int   // node
	After    int64 // milliseconds from the epoch's end to its winner
	Reports  int   // number of reports that count
}

// ledger accepts the first valid block of each epoch, in the order of epochs, like the contract.
// Times are in milliseconds since the beginning of the run.
type ledger struct {
	env      *environment
	outcomes []Outcome    // by epoch-1
	first    int          // the first epoch, from 0, that is not settled
	waiting  []submission // for later epochs, in order of arrival
	faults   []error      // violations that were not reported yet
}

type submission struct {
	at    int64
	epoch int
	node  int
	block block.Block
}

// settled reports whether an epoch is settled.
func (c *ledger) settled(epoch int) bool { return epoch <= c.first }

// submit submits a node's certified block. A late one, for a settled epoch, changes nothing.
func (c *ledger) submit(at int64, node int, b block.Block) {
	s := submission{at: at, epoch: c.env.judge(b).epoch, node: node, block: b}
	c.pass(at)
	if s.epoch == 0 || c.settled(s.epoch) || at < c.env.end(s.epoch) {
		return
	}
	c.waiting = append(c.waiting, s)
	c.decide()
}

// pass advances the time: epochs whose time is over are missed.
func (c *ledger) pass(now int64) {
	for c.env.accept > 0 && c.first < len(c.outcomes) && c.env.end(c.first+1)+c.env.accept <= now {
		closed := c.env.end(c.first+1) + c.env.accept
		c.outcomes[c.first].Missed = true
		c.first++
		for i := range c.waiting {
			c.waiting[i].at = max(c.waiting[i].at, closed)
		}
		c.decide()
	}
}

// decide settles epochs while there is a valid submission for the first open one.
func (c *ledger) decide() {
	for i := 0; i < len(c.waiting); i++ {
		s := c.waiting[i]
		if s.epoch != c.first+1 || !c.accept(s) {
			continue
		}
		c.first++
		i = -1
	}
	kept := c.waiting[:0]
	for _, s := range c.waiting {
		if s.epoch > c.first {
			kept = append(kept, s)
		}
	}
	clear(c.waiting[len(kept):])
	c.waiting = kept
}

// accept recomputes the result of a block with package verify and checks its invariants.
func (c *ledger) accept(s submission) bool {
	matrix, result, reporters, err := c.env.verified(s.block, s.epoch)
	if err != nil {
		c.fault("node %d submits a certified block for epoch %d that the contract rejects: %w", s.node, s.epoch, err)
		return false
	}
	v := c.env.judge(s.block)
	if len(reporters) != v.count {
		c.fault("epoch %d: members counted %d reports in the block of node %d, the contract counted %d", s.epoch, v.count, s.node, len(reporters))
	}
	var honest []bool
	names := make(map[string]bool, len(reporters))
	for _, r := range reporters {
		names[r.Key.PeerID()] = !c.env.liars[c.env.places[r.Key]]
	}
	for _, row := range matrix.Rows {
		honest = append(honest, names[row.Reporter])
	}
	if err := HonestRange(matrix, result, honest, c.env.nodes); err != nil {
		c.fault("epoch %d, rewarded by the block of node %d: %w", s.epoch, s.node, err)
	}
	c.outcomes[s.epoch-1] = Outcome{Rewarded: true, Winner: s.node, After: s.at - c.env.end(s.epoch), Reports: len(reporters)}
	return true
}

func (c *ledger) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, args...))
}
