package lies

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// rule is a way of deciding, by the number of Nym-APIs.
type rule struct {
	name string
	way  func(n int) payout.Way
}

// rules returns all ways in which several Nym-APIs decide.
func rules() []rule {
	rules := []rule{{"performance", func(int) payout.Way { return payout.Performance() }}}
	for _, e := range append(metrics.Estimators(), metrics.WeightedByHistory()) {
		rules = append(rules, rule{e.Name(), func(n int) payout.Way { return payout.Group(n, e) }})
	}
	return rules
}

// drawScene draws a group with up to f+1 liars, judged by a rule.
func drawScene(t *rapid.T, r rule, sizes []int, mixnodes int) Scene {
	n := rapid.SampledFrom(sizes).Draw(t, "n")
	s := Scene{Draw: 1, N: n, F: quorum.Faulty(n), Mixnodes: mixnodes, Judge: r.way(n)}
	for i := range rapid.IntRange(1, min(s.F+1, n)).Draw(t, "liars") {
		s.Liars = append(s.Liars, i)
	}
	return s
}

// drawEpoch draws reports with values of a few kinds, some of them missing.
func drawEpoch(t *rapid.T, s Scene) [][]metrics.Uptime {
	near := rapid.IntRange(0, int(metrics.Full)).Draw(t, "near")
	value := rapid.OneOf(
		rapid.IntRange(max(0, near-300), min(int(metrics.Full), near+300)),
		rapid.IntRange(max(0, near-300), min(int(metrics.Full), near+300)),
		rapid.IntRange(-1, int(metrics.Full)),
	)
	rows := make([][]metrics.Uptime, s.N)
	for i := range rows {
		for range s.Mixnodes {
			rows[i] = append(rows[i], metrics.Uptime(value.Draw(t, "value")))
		}
	}
	return rows
}

// attack is what myopic liars find in one epoch, without a choice of the block.
type attack struct {
	*myopic
	epoch   int
	honest  payout.Reports
	options []option
	total   float64
}

func (m *myopic) attack(epoch int, rows [][]metrics.Uptime) attack {
	honest := m.scene.HonestReports(rows)
	options := m.try(rows, nil, honest, false)
	m.observe(options)
	return attack{m, epoch, honest, options, m.decide(epoch, options, honest)}
}

// judge returns the harm of reports by the measure of the search, by mixnode.
func (a attack) judge(rows [][]metrics.Uptime) (harms []float64) {
	for j, score := range a.scene.Judge.Score(payout.NewReports(a.scene.Mixnodes, rows)) {
		if score == metrics.Missing {
			harms = append(harms, a.price(a.epoch, j, a.options[j], a.honest.Column(j)))
			continue
		}
		harms = append(harms, harm(score, a.honest.Column(j)))
	}
	return harms
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// play lets liars report in some epochs, and settles them.
func play(t *rapid.T, s Scene, liars Liars, epochs int) {
	for epoch := range epochs {
		rows := drawEpoch(t, s)
		block := liars.Report(epoch+1, rows)
		s.Judge.Settle(payout.NewReports(s.Mixnodes, rows).Only(block))
	}
}

// TestMyopicHurtsAsMuchAsEveryFixedLie compares the harm in one epoch, after some epochs of which
// the history knows the liars. For rules that are not monotone, where the search may miss the
// worst, it allows a few points a mixnode: see TestMyopicIsNearTheWorstInAWorld for how close it
// is.
func TestMyopicHurtsAsMuchAsEveryFixedLie(t *testing.T) {
	for _, r := range rules() {
		allowed := 5 * float64(metrics.PerPoint)
		if slices.Contains(monotone, r.name) {
			allowed = 0
		}
		t.Run(r.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s := drawScene(t, r, []int{4, 7, 10, 13}, 4)
				b, before := newMyopic(s), rapid.IntRange(0, 3).Draw(t, "before")
				play(t, s, b, before)
				rows := drawEpoch(t, s)
				a := b.attack(before+1, clone(rows))
				for _, lie := range All() {
					if lie.Adaptive {
						continue
					}
					lied := clone(rows)
					lie.Begin(s).Report(before+1, lied)
					require.LessOrEqual(t, sum(a.judge(lied)), a.total+allowed*float64(s.Mixnodes)+rounding, lie.Name)
				}
			})
		})
	}
}

// rounding is the error of sums of prices.
const rounding = 1e-6
