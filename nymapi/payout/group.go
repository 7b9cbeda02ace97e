package payout

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Lag is how many epochs pass until an epoch counts in the history that wmedian uses: the
// description of an epoch is made when the epoch before it cannot be settled yet, so it states the
// history up to the epoch before that one.
const Lag = 2

// group pays what an estimator yields for the reports of a certified block.
type group struct {
	n, f      int
	estimator metrics.Estimator
	carry     *carry
	scores    []metrics.Uptime
	names     []string
	mixnodes  []metrics.MixID
	weighted  bool
	history   []metrics.History // after each of the last Lag epochs, and the one that is used
}

// Group returns the way in which n Nym-APIs decide with Ephemera by that estimator. The reports
// are those in the block that wins: see [Reports.Only]. Its name is that of the estimator.
func Group(n int, e metrics.Estimator) Way {
	g := &group{
		n: n, f: quorum.Faulty(n), estimator: e, carry: newCarry(CarryLimit), weighted: e.Name() == metrics.WeightedByHistory().Name(),
		history: make([]metrics.History, Lag),
	}
	for i := range n {
		g.names = append(g.names, fmt.Sprintf("%05d", i))
	}
	return g
}

func (g *group) Name() string { return g.estimator.Name() }

func (g *group) Score(r Reports) []metrics.Uptime {
	if g.weighted {
		m := g.matrix(r)
		return metrics.Rule{Estimator: g.estimator, F: g.f, Coverage: metrics.Coverage(g.f), History: g.history[0]}.Apply(m).Values
	}
	g.scores = g.scores[:0]
	for j := range r.Mixnodes() {
		column, score := r.Column(j), metrics.Missing
		if len(column) >= metrics.Coverage(g.f) {
			score = g.estimator.Estimate(column, g.f)
		}
		g.scores = append(g.scores, score)
	}
	return g.scores
}

// Settle misses an epoch in which fewer than n-f Nym-APIs report: then there is no valid block.
func (g *group) Settle(r Reports) []Payment {
	if r.Present() < g.n-g.f {
		g.remember(g.history[Lag-1])
		return g.carry.miss()
	}
	paid := g.carry.fill(g.Score(r))
	if g.weighted {
		g.remember(g.history[Lag-1].Fold(g.matrix(r), g.f))
	}
	return paid
}

// remember adds the history after another epoch, and lets the next one be used.
func (g *group) remember(after metrics.History) {
	copy(g.history, g.history[1:])
	g.history[Lag-1] = after
}

// Weights returns what the history that a way uses for the next epoch says: the deviation of each
// Nym-API in squared hundredths of a percent, and the reference up to which all weigh the same. It
// returns nil for ways without weights.
func Weights(w Way, r Reports) *metrics.Weights {
	g, ok := w.(*group)
	if !ok || !g.weighted {
		return nil
	}
	weights := g.history[0].Weigh(g.matrix(r), g.f)
	return &weights
}

// matrix returns reports as the estimators take them. Rows are in the order of the Nym-APIs.
func (g *group) matrix(r Reports) metrics.Matrix {
	if g.mixnodes == nil {
		for j := range r.Mixnodes() {
			g.mixnodes = append(g.mixnodes, metrics.MixID(fmt.Sprintf("m%06d", j)))
		}
	}
	m := metrics.Matrix{Mixnodes: g.mixnodes}
	for i, name := range g.names {
		if row := r.Row(i); row != nil {
			m.Rows = append(m.Rows, metrics.Row{Reporter: name, Values: row})
		}
	}
	return m
}
