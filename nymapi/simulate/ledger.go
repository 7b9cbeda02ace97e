package simulate

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// Outcome is what became of an epoch.
type Outcome struct {
	Rewarded bool
	Missed   bool  // its time was over; neither: the run ended before
	Winner   int   // node
	After    int64 // milliseconds from the epoch's end to its winner
	Reports  int   // that counted
}

// ledger takes the first justified block of each epoch, in the order of epochs, as package
// contract's server does. Times are in milliseconds since the beginning.
type ledger struct {
	env      *environment
	outcomes []Outcome    // by epoch-1
	first    int          // the first epoch, from 0, that is not settled
	waiting  []submission // for later epochs, told to come back, in the order of their coming
	faults   []error      // broken promises, until they are asked for
}

type submission struct {
	at    int64
	epoch int
	node  int
	block block.Block
}

// settled tells whether an epoch is decided.
func (c *ledger) settled(epoch int) bool { return epoch <= c.first }

// submit is a node's certified block at the contract. One for an epoch that is decided is late, and
// changes nothing.
func (c *ledger) submit(at int64, node int, b block.Block) {
	s := submission{at: at, epoch: c.env.judge(b).epoch, node: node, block: b}
	c.pass(at)
	if s.epoch == 0 || c.settled(s.epoch) || at < c.env.end(s.epoch) {
		return
	}
	c.waiting = append(c.waiting, s)
	c.decide()
}

// pass lets time pass: epochs that were open long enough are missed.
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

// decide settles epochs as long as there is a submission for the first that is open.
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

// accept recomputes the result of a block with package verify, and checks it against what is
// promised.
func (c *ledger) accept(s submission) bool {
	matrix, result, reporters, err := c.env.verified(s.block, s.epoch)
	if err != nil {
		c.fault("node %d submits a certified block for epoch %d that the contract refuses: %w", s.node, s.epoch, err)
		return false
	}
	v := c.env.judge(s.block)
	if len(reporters) != v.count {
		c.fault("epoch %d: members counted %d reports in the block of node %d, the contract %d", s.epoch, v.count, s.node, len(reporters))
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
