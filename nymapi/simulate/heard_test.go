package simulate

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/waiting"
)

// heard is the application with another rule for waiting, which package waiting calls
// heard-3-until-0.05: nobody waits for members whose report was in none of the last three blocks
// that won, nor for longer than a twentieth of an epoch.
type heard struct {
	*application
	winners map[int][]bool // by epoch, of all nodes: whose reports the block that won has
}

const (
	recent  = 3
	twenty  = 20
	settles = 1000 // milliseconds after an epoch's end in which the reports of this test arrive
)

func (h heard) deadline(epoch int) int64 { return h.env.end(epoch) + h.env.duration/twenty }

// awaited returns the members for whose reports everybody waits.
func (h heard) awaited(epoch int) []bool {
	awaited := make([]bool, h.env.nodes)
	for back := 1; back <= recent; back++ {
		for node := range awaited {
			winner, known := h.winners[epoch-back]
			awaited[node] = awaited[node] || !known || winner[node]
		}
	}
	return awaited
}

// over returns when this node stops waiting: with the last report that it waits for, or at the
// deadline. It is in the future if reports are missing.
func (h heard) over(epoch int) int64 {
	last := h.env.end(epoch)
	for node, wanted := range h.awaited(epoch) {
		if !wanted {
			continue
		}
		at := h.arrived(epoch, node)
		if at == never {
			return h.deadline(epoch)
		}
		last = max(last, at)
	}
	return min(last, h.deadline(epoch))
}

func (h heard) NextBlock(now int64, candidates []block.Message) []block.MessageID {
	h.candidates = candidates
	for epoch := 1; epoch <= h.env.epochs && h.env.end(epoch) <= since(now); epoch++ {
		if h.made[epoch] || h.env.contract.settled(epoch) {
			continue
		}
		if picked := h.pick(epoch, candidates); len(picked) >= quorum.Correct(h.env.nodes) && since(now) >= h.over(epoch) {
			return slices.Clone(picked)
		}
	}
	return nil
}

// arrived returns when the report of a node arrived, or never.
func (h heard) arrived(epoch, node int) int64 {
	if h.arrivals[epoch] == nil {
		return never
	}
	return h.arrivals[epoch][node]
}

func (h heard) CheckBlock(now int64, b block.Block, own bool) ephemera.Decision {
	v := h.env.judge(b)
	if v.epoch == 0 {
		return ephemera.Reject(v.reason)
	}
	for _, r := range v.reports {
		h.note(now, r)
	}
	over := h.over(v.epoch)
	if since(now) < over && v.count < h.env.nodes {
		return ephemera.Later("reports of members may still come")
	}
	for member, included := range v.reporters {
		if h.arrived(v.epoch, member) <= over && !included && since(now) < h.env.grace(v.epoch) {
			return ephemera.Later("it lacks a report that was in time")
		}
	}
	if !own {
		return ephemera.Accept()
	}
	h.made[v.epoch], h.judged[b.Header.Height] = true, v.epoch
	return ephemera.Accept().Dropping(h.stale(b)...)
}

func (h heard) DeliverBlock(now int64, delivered store.Certified) {
	h.application.DeliverBlock(now, delivered)
	epoch := h.env.judge(delivered.Block).epoch
	outcome := h.env.contract.outcomes[epoch-1]
	if outcome.Rewarded && outcome.Winner == h.env.places[delivered.Block.Header.Creator] {
		h.winners[epoch] = h.env.judge(delivered.Block).reporters
	}
}

// waited returns for each epoch when it was rewarded after its end, as a share of its length, by
// the rule of Nym-APIs or by heard. The first node is silent.
func waited(t *testing.T, byHeard bool) []float64 {
	t.Helper()
	estimator, err := metrics.ParseEstimator("median")
	require.NoError(t, err)
	s := scenario{
		seed: 1, nodes: 7, mixnodes: 20, epochs: 8, duration: time.Hour.Milliseconds(), accept: acceptEpochs * time.Hour.Milliseconds(), estimator: estimator,
		byzantine: []int{0},
	}
	env, err := newEnvironment(s)
	require.NoError(t, err)
	schedule := s.schedule(Latency{Model: simulation.Constant, Link: 50 * time.Millisecond}, time.Second)
	schedule.Byzantine = []simulation.Placement{{Node: 0, Adversary: "silent"}}
	for epoch := 1; epoch <= s.epochs; epoch++ {
		schedule.Faults = append(schedule.Faults,
			simulation.Fault{Kind: simulation.WakeAll, At: s.end(epoch) + settles},
			simulation.Fault{Kind: simulation.WakeAll, At: s.end(epoch) + s.duration/twenty + 1})
	}
	options := env.options(func() bool { return false })
	if byHeard {
		winners := map[int][]bool{}
		options.Application = func(node int, key keys.Public) simulation.Application {
			env.application(node, key)
			return heard{env.apps[len(env.apps)-1], winners}
		}
	}
	result, err := simulation.Run(schedule, options)
	require.NoError(t, err)
	require.Empty(t, result.Violations)
	var all []float64
	for epoch, outcome := range env.contract.outcomes {
		require.True(t, outcome.Rewarded, "epoch %d", epoch+1)
		require.Equal(t, 6, outcome.Reports)
		all = append(all, float64(outcome.After)/float64(s.duration))
	}
	return all
}

// modelled returns the same by the model of package waiting, with reports that are sent at once.
func modelled(t *testing.T, rule string) []float64 {
	t.Helper()
	for _, r := range waiting.Rules() {
		if r.Name != rule {
			continue
		}
		run, all := waiting.NewRun(r, 7, draw.State(1)), []float64(nil)
		e := waiting.Epoch{Sent: make([]waiting.Ticks, 7), Up: make([]bool, 7)}
		e.Sent[0] = waiting.Never
		for i := 1; i < 7; i++ {
			e.Up[i] = true
		}
		for range 8 {
			all = append(all, float64(run.Decide(e).At)/float64(waiting.Whole))
		}
		return all
	}
	require.Fail(t, "no rule "+rule)
	return nil
}

// TestTheProtocolWaitsAsTheModelSays runs the whole protocol with the rule of Nym-APIs and with the
// one that the experiment recommends.
func TestTheProtocolWaitsAsTheModelSays(t *testing.T) {
	for rule, byHeard := range map[string]bool{"until-0.25": false, "heard-3-until-0.05": true} {
		want := modelled(t, rule)
		for epoch, delay := range waited(t, byHeard) {
			require.InDelta(t, want[epoch], delay, 0.001, "%s, epoch %d: a few seconds of an hour", rule, epoch+1)
		}
	}
}
