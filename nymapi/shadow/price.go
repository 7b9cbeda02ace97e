package shadow

import (
	"math"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/spread"
)

// Price is how a rule differs from the single mean, in what nodes would get.
type Price struct {
	Rule string `json:"rule"`
	// Scored is the share of the cells (node and epoch, scored by the single mean) that the rule
	// scores.
	Scored float64 `json:"scored"`
	Unpaid int     `json:"unpaid"` // cells that only the single mean scores
	// Points is the mean absolute difference of the two scores over the cells that both score, and
	// Bias the mean of the single mean minus the rule: above 0, the single mean pays more.
	Points *spread.Estimate `json:"points"`
	Bias   *spread.Estimate `json:"bias"`
	// NYM is what an epoch pays otherwise, if the single mean's chances decide who is drawn. A cell
	// that the rule does not score loses all it gets by the single mean.
	NYM *spread.Estimate `json:"nym_per_epoch"`
	// Places is how many of the places of the rewarded set are expected to change hands: half the sum
	// of the absolute differences of chances.
	Places *spread.Estimate `json:"places_per_epoch"`
}

// chances returns the chance of each node in each epoch to be drawn, by the scores of a rule.
// Epochs without any measurement have none.
func chances(values [][]metrics.Uptime, live []bool) [][]float64 {
	all := make([][]float64, len(values))
	for e, scores := range values {
		if live[e] {
			all[e] = worth.Chances(shares(scores), worth.Places)
		}
	}
	return all
}

// shares returns scores from 0 to 1. A node without a score cannot be drawn.
func shares(values []metrics.Uptime) []float64 {
	scores := make([]float64, len(values))
	for i, v := range values {
		scores[i] = float64(max(0, v)) / float64(metrics.Full)
	}
	return scores
}

// pricing compares the scores of a rule with those of the single mean. All slices are by epoch.
type pricing struct {
	live         []bool // epochs with a measurement
	single, rule [][]metrics.Uptime
	from, to     [][]float64 // chances by the single mean, and by the rule
	bootstrap    *spread.Bootstrap
}

// sums are those of the cells of each epoch.
type sums struct{ absolute, signed, both, nym, places, live []float64 }

func newSums(epochs int) sums {
	list := func() []float64 { return make([]float64, epochs) }
	return sums{list(), list(), list(), list(), list(), list()}
}

// price returns the figures of a rule over all epochs.
func (p pricing) price(name string) Price {
	result, s := Price{Rule: name}, newSums(len(p.live))
	scored := 0
	for e, live := range p.live {
		if !live {
			continue
		}
		s.live[e] = 1
		for node, single := range p.single[e] {
			s.places[e] += math.Abs(p.to[e][node]-p.from[e][node]) / 2
			rule := p.rule[e][node]
			switch {
			case single == metrics.Missing:
			case rule == metrics.Missing:
				result.Unpaid++
				s.nym[e] += p.from[e][node] * pay(single)
			default:
				scored++
				difference := points(single) - points(rule)
				s.absolute[e] += math.Abs(difference)
				s.signed[e] += difference
				s.both[e]++
				s.nym[e] += p.from[e][node] * math.Abs(pay(single)-pay(rule))
			}
		}
	}
	result.Scored = float64(scored) / float64(max(1, scored+result.Unpaid))
	result.Points, result.Bias = p.bootstrap.Ratio(s.absolute, s.both), p.bootstrap.Ratio(s.signed, s.both)
	result.NYM, result.Places = p.bootstrap.Ratio(s.nym, s.live), p.bootstrap.Ratio(s.places, s.live)
	return result
}

func points(v metrics.Uptime) float64 { return float64(v) / float64(metrics.PerPoint) }

func pay(v metrics.Uptime) float64 { return worth.Pay(float64(v) / float64(metrics.Full)) }

// NodePrice is what the single mean pays a node, and what the chosen rule would, on average over
// the epochs in which both score it.
type NodePrice struct {
	Epochs int     `json:"epochs"` // in which both score it
	Single float64 `json:"single"` // points
	Rule   float64 `json:"rule"`   // points
	// NYM is what the single mean pays more for an epoch in the rewarded set.
	NYM          float64 `json:"nym"`
	SingleChance float64 `json:"single_chance"` // to be drawn, over all epochs with measurements
	RuleChance   float64 `json:"rule_chance"`
	// Points is the single mean minus the rule.
	Points *spread.Estimate `json:"points"`
}

// node returns the figures of a node.
func (p pricing) node(node int) NodePrice {
	var n NodePrice
	differences, both := make([]float64, len(p.live)), make([]float64, len(p.live))
	epochs := 0.0
	for e, live := range p.live {
		if !live {
			continue
		}
		epochs++
		n.SingleChance += p.from[e][node]
		n.RuleChance += p.to[e][node]
		single, rule := p.single[e][node], p.rule[e][node]
		if single == metrics.Missing || rule == metrics.Missing {
			continue
		}
		n.Epochs++
		n.Single += points(single)
		n.Rule += points(rule)
		differences[e], both[e] = points(single)-points(rule), 1
	}
	n.SingleChance, n.RuleChance = n.SingleChance/max(1, epochs), n.RuleChance/max(1, epochs)
	n.Single, n.Rule = n.Single/float64(max(1, n.Epochs)), n.Rule/float64(max(1, n.Epochs))
	n.NYM = worth.Pay((n.Single - n.Rule) / 100)
	n.Points = p.bootstrap.Ratio(differences, both)
	return n
}
