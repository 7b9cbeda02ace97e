package shadow

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/rows"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/spread"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/window"
)

// Summary holds every figure of a run. It is the content of summary.json. Points are those of 0 to
// 100, and every estimate has the 95 % interval of a bootstrap over epochs.
type Summary struct {
	Version  string    `json:"version"`
	Database string    `json:"database"`
	Kind     rows.Kind `json:"kind"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`          // the first instant that is not read
	Newest   bool      `json:"until_newest"` // End was not given: the newest measurement decided
	Epoch    string    `json:"epoch"`
	Epochs   int       `json:"epochs"`
	Empty    int       `json:"empty_epochs"` // without any measurement
	// Missed counts the epochs in which fewer than n-f submitters measured, so that no block could
	// have been certified.
	Missed    int    `json:"missed_epochs"`
	Estimator string `json:"estimator"` // that is compared with the single mean for each node

	F        int `json:"f"`        // submitters that may be wrong: floor((n-1)/3)
	Coverage int `json:"coverage"` // reports that a node needs to be scored: 2f+1
	Nodes    int `json:"nodes"`
	Places   int `json:"places"` // of the rewarded set

	Rows       Rows               `json:"rows"`
	Submitters []SubmitterSummary `json:"submitters"` // by name
	Rules      []Price            `json:"rules"`      // compared with the single mean
	PerEpoch   []EpochSummary     `json:"per_epoch"`
	// PerNode has the nodes that stand out first, then those with the largest differences, then those
	// whose score changes most.
	PerNode   []NodeSummary    `json:"per_node"`
	OnePlace  []OnePlace       `json:"unreachable_from_one_place"`
	Outages   []Outage         `json:"zeros_at_once"`
	Gaps      []Gap            `json:"gaps"`
	Criterion string           `json:"criterion"` // who stands out
	Bootstrap BootstrapSummary `json:"bootstrap"`
}

// Rows counts the rows of the database by what was done with them.
type Rows struct {
	Read     int             `json:"read"`
	Unusable []rows.Unusable `json:"unusable"` // the most frequent reason first
	window.Tally
}

// BootstrapSummary says how the intervals were computed.
type BootstrapSummary struct {
	Resamples   int `json:"resamples"`
	BlockEpochs int `json:"block_epochs"`
	LeastEpochs int `json:"least_epochs"` // below which there is no interval
}

// SubmitterSummary is what a submitter measured, and how far it is from the others.
type SubmitterSummary struct {
	Name        string    `json:"name"`
	Rows        int       `json:"rows"`
	Unreachable int       `json:"unreachable"` // rows
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	After       int       `json:"after"` // rows dated after the window
	spread.Silence
	spread.Distances
	// Decides is what would be paid if this submitter decided alone.
	Decides *Price `json:"decides_alone"`
}

// EpochSummary is what happened in one epoch.
type EpochSummary struct {
	Start      time.Time `json:"start"`
	Rows       int       `json:"rows"`
	Submitters int       `json:"submitters"`
	Nodes      int       `json:"nodes"` // with a row
	Alone      int       `json:"alone"` // of them, those that one submitter judged alone
	// Typical is how much two submitters differ about the median node.
	Typical float64 `json:"typical_difference"`
	// Points is the mean absolute difference of the single mean and the estimator.
	Points float64 `json:"points"`
	Unpaid int     `json:"unpaid"` // nodes that only the single mean scores
}

// NodeSummary is how much submitters and rules differ about a node.
type NodeSummary struct {
	window.Node
	spread.Differences
	FarthestName string `json:"farthest,omitempty"` // submitter that differs most from the others
	NodePrice
}

// OnePlace is a node that one submitter does not reach although the others do.
type OnePlace struct {
	Node        string  `json:"node"`
	Submitter   string  `json:"submitter"`
	Rows        int     `json:"rows"`
	Unreachable float64 `json:"unreachable"` // share of the rows
	Others      float64 `json:"others"`      // the same of all others
}

// Outage is a time in which a submitter saw almost all nodes at zero at once.
type Outage struct {
	Submitter string    `json:"submitter"`
	Start     time.Time `json:"start"`
	Length    string    `json:"length"`
	Zeros     int       `json:"zeros"`
	Rows      int       `json:"rows"`
}

// Gap is a time without any measurement of a submitter.
type Gap struct {
	Submitter string    `json:"submitter"`
	Start     time.Time `json:"start"`
	Epochs    int       `json:"epochs"`
}

// summary computes the summary of an outcome.
func (o *Outcome) summary(c Config, r reading) Summary {
	w, e := o.window, o.estimate(c.Estimator)
	s := Summary{
		Version: c.Version, Database: c.Database, Kind: r.kind, Start: w.Start, End: w.End(), Newest: c.Until.IsZero(), Epoch: w.Epoch.String(), Epochs: w.Epochs,
		Empty: w.Epochs - len(w.Live()), Estimator: c.Estimator, F: w.F(), Coverage: metrics.Coverage(w.F()), Nodes: len(w.Nodes), Places: worth.Places,
		Rows: Rows{r.tally.Read, r.tally.Unusable, w.Tally}, Rules: e.rules, Criterion: spread.Criterion,
		Bootstrap: BootstrapSummary{spread.Resamples, spread.BlockLength(w.Epochs), spread.LeastEpochs},
		OnePlace:  []OnePlace{}, Outages: []Outage{}, Gaps: []Gap{},
	}
	silences := spread.Silences(w)
	for i, sub := range append(slices.Clone(w.Submitters), w.Outside...) {
		line := SubmitterSummary{Name: sub.Name, Rows: sub.Rows, Unreachable: sub.Unreachable, First: sub.First, Last: sub.Last, After: sub.After}
		if i < len(w.Submitters) {
			line.Silence, line.Distances, line.Decides = silences[i], e.submitters[i], &e.alone[i]
		}
		s.Submitters = append(s.Submitters, line)
	}
	s.PerNode = o.perNode(e)
	s.PerEpoch = o.perEpoch(e.typical, c.Estimator)
	for _, line := range s.PerEpoch {
		if line.Submitters < quorum.Correct(len(w.Submitters)) {
			s.Missed++
		}
	}
	for _, p := range spread.OnePlaces(w) {
		s.OnePlace = append(s.OnePlace, OnePlace{w.Nodes[p.Node].String(), w.Submitters[p.Submitter].Name, p.Rows, p.Unreachable, p.Others})
	}
	for _, out := range w.Outages() {
		s.Outages = append(s.Outages, Outage{w.Submitters[out.Submitter].Name, out.Start, out.Length.String(), out.Zeros, out.Rows})
	}
	for _, gap := range w.Gaps() {
		s.Gaps = append(s.Gaps, Gap{w.Submitters[gap.Submitter].Name, gap.Start, gap.Epochs})
	}
	return s
}

// perNode returns a line for each node.
func (o *Outcome) perNode(e estimates) []NodeSummary {
	var lines []NodeSummary
	for n, node := range o.window.Nodes {
		line := NodeSummary{Node: node, Differences: e.nodes[n], NodePrice: e.prices[n]}
		if line.Farthest >= 0 {
			line.FarthestName = o.window.Submitters[line.Farthest].Name
		}
		lines = append(lines, line)
	}
	slices.SortStableFunc(lines, func(a, b NodeSummary) int {
		return cmp.Or(cmp.Compare(b.urgency(), a.urgency()), cmp.Compare(b.change(), a.change()))
	})
	return lines
}

// change returns how far the rule's score is from the single mean. It orders nodes for which
// submitters do not differ, as where there is only one.
func (n NodeSummary) change() float64 {
	if n.Points == nil {
		return 0
	}
	return max(n.Points.Value, -n.Points.Value)
}

// urgency orders nodes: first those that stand out by their deviation, which is at most 100
// points, then the others by their difference, and last those without one.
func (n NodeSummary) urgency() float64 {
	switch {
	case n.StandOut:
		return 101 + max(n.Deviation.Value, -n.Deviation.Value)
	case n.Difference == nil:
		return -1
	}
	return n.Difference.Value
}

// perEpoch returns a line for each epoch.
func (o *Outcome) perEpoch(typical []float64, estimator string) []EpochSummary {
	w, lines := o.window, make([]EpochSummary, o.window.Epochs)
	single, rule := o.scores.Rule(window.Single), o.scores.Rule(estimator)
	for e := range lines {
		line := EpochSummary{Start: w.Begin(e), Typical: typical[e], Alone: o.judged(e, 1)}
		line.Nodes = len(w.Nodes) - o.judged(e, 0)
		both := 0
		for n := range w.Nodes {
			switch {
			case single[e][n] == metrics.Missing:
			case rule[e][n] == metrics.Missing:
				line.Unpaid++
			default:
				both++
				line.Points += max(points(single[e][n])-points(rule[e][n]), points(rule[e][n])-points(single[e][n]))
			}
		}
		line.Points /= float64(max(1, both))
		for s := range w.Submitters {
			if count := w.RowsOf(s, e); count > 0 {
				line.Rows += count
				line.Submitters++
			}
		}
		lines[e] = line
	}
	return lines
}

// WriteJSON writes the content of summary.json.
func (s Summary) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}
