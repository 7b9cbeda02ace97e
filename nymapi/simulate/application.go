package simulate

import (
	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// application is what package rewards decides for one node, on what the scene read.
type application struct {
	scene      *scene
	node       int
	made       []bool            // epochs for which there is an own block, open or certified
	judged     map[uint64]int    // the epoch of the own candidate of a height
	arrivals   map[arrival]int64 // when a report was seen first
	candidates []block.Message   // those of the last NextBlock
	seen       []int             // by node: in which round of pick its report was taken
	round      int
}

// arrival names a member's report for an epoch.
type arrival struct{ epoch, member int }

// since turns a node's clock into time since the beginning.
func since(now int64) int64 { return now - simulation.Beginning }

// CheckMessage takes well-formed reports of members under the label of an epoch.
func (a *application) CheckMessage(now int64, m block.Message) ephemera.Decision {
	r := a.scene.read(m)
	if r.epoch == 0 {
		return ephemera.Reject("it is not a report of a member")
	}
	a.note(now, r)
	return ephemera.Accept()
}

func (a *application) note(now int64, r reading) {
	key := arrival{r.epoch, r.node}
	if _, known := a.arrivals[key]; !known && r.count {
		a.arrivals[key] = since(now)
	}
}

// NextBlock makes one own block of each ended epoch: once all members' reports are there, or once
// the deadline has passed and those of n-f are.
func (a *application) NextBlock(now int64, candidates []block.Message) []block.MessageID {
	if a.scene.creators > 0 && a.node >= a.scene.creators {
		return nil
	}
	a.candidates = candidates
	for epoch := 1; epoch <= a.scene.epochs && a.scene.end(epoch) <= since(now); epoch++ {
		if a.made[epoch] || a.scene.contract.settled(epoch) {
			continue
		}
		picked := a.pick(epoch, candidates)
		if len(picked) == a.scene.nodes || since(now) >= a.scene.deadline(epoch) && len(picked) >= quorum.Correct(a.scene.nodes) {
			return picked
		}
	}
	return nil
}

// pick returns the counted reports of an epoch, the first of each member, in the order of the
// candidates.
func (a *application) pick(epoch int, candidates []block.Message) []block.MessageID {
	a.round++
	var picked []block.MessageID
	for _, m := range candidates {
		r := a.scene.read(m)
		if r.epoch != epoch || !r.count || a.seen[r.node] == a.round {
			continue
		}
		a.seen[r.node] = a.round
		picked = append(picked, m.ID())
	}
	return picked
}

// CheckBlock judges a block by its bytes. Time only delays.
func (a *application) CheckBlock(now int64, b block.Block, own bool) ephemera.Decision {
	v := a.scene.judge(b)
	if v.epoch == 0 {
		return ephemera.Reject(v.reason)
	}
	for _, m := range b.Messages {
		a.note(now, a.scene.read(m))
	}
	if !a.patient(now, v) {
		return ephemera.Later("reports of members may still come")
	}
	if !own {
		return ephemera.Accept()
	}
	a.made[v.epoch] = true
	a.judged[b.Header.Height] = v.epoch
	return ephemera.Accept().Dropping(a.stale(b)...)
}

// patient tells whether nobody need be waited for any longer: before the deadline a block must hold
// the reports of all members, and for the grace time those of all of whom one was here at the
// deadline.
func (a *application) patient(now int64, v verdict) bool {
	deadline := a.scene.deadline(v.epoch)
	switch at := since(now); {
	case v.count == a.scene.nodes || at >= a.scene.grace(v.epoch):
		return true
	case at < deadline:
		return false
	}
	for member, included := range v.reporters {
		if at, here := a.arrivals[arrival{v.epoch, member}]; here && at <= deadline && !included {
			return false
		}
	}
	return true
}

// stale returns the candidates that no later own block can use.
func (a *application) stale(own block.Block) []block.MessageID {
	taken := make(map[block.MessageID]bool, len(own.Messages))
	for _, m := range own.Messages {
		taken[m.ID()] = true
	}
	var stale []block.MessageID
	for _, m := range a.candidates {
		r := a.scene.read(m)
		if !taken[m.ID()] && (r.epoch == 0 || a.made[r.epoch] || a.scene.contract.settled(r.epoch)) {
			stale = append(stale, m.ID())
		}
	}
	return stale
}

// DeliverBlock submits the own block of an epoch to the contract.
func (a *application) DeliverBlock(now int64, delivered store.Certified) {
	v := a.scene.judge(delivered.Block)
	if v.epoch == 0 || a.scene.places[delivered.Block.Header.Creator] != a.node {
		return
	}
	a.made[v.epoch] = true
	a.scene.contract.submit(since(now), a.node, delivered.Block)
}

// proposed tells that the own block of a height is durable and signed.
func (a *application) proposed(height uint64) {
	if epoch, known := a.judged[height]; known {
		a.made[epoch] = true
		delete(a.judged, height)
	}
}

// restarted forgets own candidates that were accepted and are not known to be durable. If one is,
// the node proposes it again first.
func (a *application) restarted() {
	for _, epoch := range a.judged {
		a.made[epoch] = false
	}
}
