package simulate

import (
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// application makes the decisions of package rewards for one node.
type application struct {
	env        *environment
	node       int
	made       []bool          // epochs with a block of this node, open or certified
	judged     map[uint64]int  // epochs of this node's accepted candidates, by height
	arrivals   [][]int64       // by epoch and member: when the report arrived first, or never
	candidates []block.Message // of the last NextBlock
	seen       []int           // by node: the last round of pick that took its report
	round      int
	picked     []block.MessageID // by the last pick: its memory is reused
}

// never is when a report arrived that has not.
const never = math.MaxInt64

// since converts a node's time to the time since the beginning of the run.
func since(now int64) int64 { return now - simulation.Beginning }

// CheckMessage accepts well-formed reports of members under the label of an epoch.
func (a *application) CheckMessage(now int64, m block.Message) ephemera.Decision {
	r := a.env.read(m)
	if r.epoch == 0 {
		return ephemera.Reject("it is not a report of a member")
	}
	a.note(now, r)
	return ephemera.Accept()
}

// note notes when a report arrived that may count.
func (a *application) note(now int64, r *reading) {
	if !r.count {
		return
	}
	if a.arrivals[r.epoch] == nil {
		a.arrivals[r.epoch] = slices.Repeat([]int64{never}, a.env.nodes)
	}
	if at := &a.arrivals[r.epoch][r.node]; *at == never {
		*at = since(now)
	}
}

// NextBlock proposes one block for each ended epoch, once the reports of all members have arrived,
// or once the deadline has passed and those of n-f have arrived.
func (a *application) NextBlock(now int64, candidates []block.Message) []block.MessageID {
	if a.env.creators > 0 && a.node >= a.env.creators {
		return nil
	}
	a.candidates = candidates
	for epoch := 1; epoch <= a.env.epochs && a.env.end(epoch) <= since(now); epoch++ {
		if a.made[epoch] || a.env.contract.settled(epoch) {
			continue
		}
		picked := a.pick(epoch, candidates)
		if len(picked) == a.env.nodes || since(now) >= a.env.deadline(epoch) && len(picked) >= quorum.Correct(a.env.nodes) {
			return slices.Clone(picked)
		}
	}
	return nil
}

// pick returns the reports that count for an epoch, the first of each member, in the order of the
// candidates. The slice is valid until the next pick.
func (a *application) pick(epoch int, candidates []block.Message) []block.MessageID {
	a.round++
	a.picked = a.picked[:0]
	for _, m := range candidates {
		r := a.env.read(m)
		if r.epoch != epoch || !r.count || a.seen[r.node] == a.round {
			continue
		}
		a.seen[r.node] = a.round
		a.picked = append(a.picked, m.ID())
	}
	return a.picked
}

// CheckBlock decides by the bytes of a block. Time can only delay the verdict.
func (a *application) CheckBlock(now int64, b block.Block, own bool) ephemera.Decision {
	v := a.env.judge(b)
	if v.epoch == 0 {
		return ephemera.Reject(v.reason)
	}
	for _, r := range v.reports {
		a.note(now, r)
	}
	if !a.complete(now, v) {
		return ephemera.Later("reports of members may still come")
	}
	if !own {
		return ephemera.Accept()
	}
	a.made[v.epoch] = true
	a.judged[b.Header.Height] = v.epoch
	return ephemera.Accept().Dropping(a.stale(b)...)
}

// complete reports whether a block need not wait for more reports. Before the deadline it must hold
// the reports of all members, and until the end of the grace period every report that had arrived
// here by the deadline.
func (a *application) complete(now int64, v *verdict) bool {
	deadline := a.env.deadline(v.epoch)
	switch at := since(now); {
	case v.count == a.env.nodes || at >= a.env.grace(v.epoch):
		return true
	case at < deadline:
		return false
	}
	for member, at := range a.arrivals[v.epoch] {
		if at <= deadline && !v.reporters[member] {
			return false
		}
	}
	return true
}

// stale returns the candidates that no later block of this node can use.
func (a *application) stale(own block.Block) []block.MessageID {
	taken := make(map[block.MessageID]bool, len(own.Messages))
	for _, m := range own.Messages {
		taken[m.ID()] = true
	}
	var stale []block.MessageID
	for _, m := range a.candidates {
		r := a.env.read(m)
		if !taken[m.ID()] && (r.epoch == 0 || a.made[r.epoch] || a.env.contract.settled(r.epoch)) {
			stale = append(stale, m.ID())
		}
	}
	return stale
}

// DeliverBlock submits this node's certified block to the contract.
func (a *application) DeliverBlock(now int64, delivered store.Certified) {
	v := a.env.judge(delivered.Block)
	if v.epoch == 0 || a.env.places[delivered.Block.Header.Creator] != a.node {
		return
	}
	a.made[v.epoch] = true
	a.env.contract.submit(since(now), a.node, delivered.Block)
}

// proposed records that this node's block of a height is durable and signed.
func (a *application) proposed(height uint64) {
	if epoch, known := a.judged[height]; known {
		a.made[epoch] = true
		delete(a.judged, height)
	}
}

// restarted forgets this node's candidates that were accepted but may not be durable. If one is
// durable, the node first proposes it again.
func (a *application) restarted() {
	for _, epoch := range a.judged {
		a.made[epoch] = false
	}
}
