package experiment

import (
	"fmt"
	"math"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Selection is how payments shift the chances of nodes to be drawn into Nym's rewarded set, if
// their scores are the means of their uptimes over a window: see [worth.Chances]. Chances by the
// truth are the right ones. All are expectations, for each epoch at the end of a full window.
type Selection struct {
	Shift float64 // mean distance between a chance and the right one, 0 to 1
	Loss  float64 // what the node that loses most loses on average, 0 to 1
	// Places is the sum of what nodes lose: places that go to others, or to nobody if no node has a
	// score.
	Places float64
	NYM    float64 // over- and underpaid in expectation, by chance and score together
}

// selectionLies are those whose effect on chances is shown, as far as they exist.
var selectionLies = []string{"zero", "victims", "favour", "shave", "withhold"}

// windowLevel is the factor of the cells of this section.
const windowLevel = "window"

// selectionCells has as many nodes as Nym. A score is an epoch's uptime or, as at Nym, the mean of
// a day.
func selectionCells() []Cell {
	var cells []Cell
	add := func(n, window int, missing float64, lie string) {
		c := Base("selection", lie)
		c.N, c.Missing, c.Mixnodes, c.Epochs = n, missing, worth.Nodes, 36
		c.Factor, c.Level = windowLevel, strconv.Itoa(window)
		if lie != Honest {
			c.Liars = c.F()
		}
		cells = append(cells, c)
	}
	for _, window := range []int{1, 24} {
		for _, n := range []int{4, 10, 17} {
			add(n, window, 0, Honest)
		}
		add(10, window, 0.25, Honest)
	}
	for _, lie := range knownLies(selectionLies) {
		add(10, 24, 0, lie)
	}
	return cells
}

// playSelection plays a cell and computes the chances of nodes.
func playSelection(c Cell, o observe.Observations, seed uint64) ([]Outcome, error) {
	window, err := strconv.Atoi(c.Level)
	if err != nil || window < 1 || window > c.Epochs {
		return nil, fmt.Errorf("play %s: window %q, expected 1 to %d epochs", c, c.Level, c.Epochs)
	}
	o = observe.Gaps(c.Missing)(o, draw.State(seed))
	right := newRightChances(o.Truth, window, worth.Places)
	return playWatched(c, o, seed, func(payout.Way) watch {
		return &selectionWatch{right: right, scores: newRolling(c.Mixnodes, window), losses: make([]float64, c.Mixnodes)}
	})
}

// rightChances are scores and chances by the truth, by epoch: nil before the first full window.
type rightChances struct {
	places          int
	scores, chances [][]float64
}

func newRightChances(truth [][]float64, window, places int) rightChances {
	right := rightChances{places: places}
	scores := newRolling(len(truth[0]), window)
	for _, values := range truth {
		scores.add(func(j int) float64 { return values[j] / 100 })
		mean := scores.means()
		right.scores = append(right.scores, mean)
		if mean == nil {
			right.chances = append(right.chances, nil)
			continue
		}
		right.chances = append(right.chances, worth.Chances(mean, places))
	}
	return right
}

// selectionWatch sums up the distances of the chances of one way from the right ones. A mixnode
// that is not paid counts with a score of 0, and a missed epoch repeats the scores of the last one.
type selectionWatch struct {
	right  rightChances
	scores *rolling
	last   []float64
	losses []float64 // sums over epochs, by mixnode
	shift  float64
	places float64
	nym    float64
	epochs int
	ended  int // epochs, without full windows as well
}

func (w *selectionWatch) see(payout.Way, payout.Reports) {}

func (w *selectionWatch) pay(paid []payout.Payment, _ []float64) {
	if w.last == nil {
		w.last = make([]float64, len(w.losses))
	}
	for j, p := range paid {
		w.last[j] = max(0, float64(p.Value)) / float64(metrics.Full)
	}
	w.scores.add(func(j int) float64 { return w.last[j] })
	w.ended++
	scores := w.scores.means()
	if scores == nil {
		return
	}
	w.epochs++
	rightScores, rightChances := w.right.scores[w.ended-1], w.right.chances[w.ended-1]
	for j, chance := range worth.Chances(scores, w.right.places) {
		w.shift += math.Abs(chance - rightChances[j])
		w.places += max(0, rightChances[j]-chance)
		w.losses[j] += rightChances[j] - chance
		w.nym += math.Abs(chance*worth.Pay(scores[j]) - rightChances[j]*worth.Pay(rightScores[j]))
	}
}

func (w *selectionWatch) figures(f *Figures) {
	epochs, s := float64(w.epochs), Selection{}
	s.Shift = w.shift / epochs / float64(len(w.losses))
	s.Places = w.places / epochs
	s.NYM = w.nym / epochs
	for _, loss := range w.losses {
		s.Loss = max(s.Loss, loss/epochs)
	}
	f.Selection = &s
}

// rolling is the sum of the last values of each mixnode.
type rolling struct {
	window int
	values [][]float64 // of the last epochs, oldest first
	sums   []float64
}

func newRolling(mixnodes, window int) *rolling {
	return &rolling{window: window, sums: make([]float64, mixnodes)}
}

// add adds the values of another epoch, by mixnode.
func (r *rolling) add(value func(int) float64) {
	values := make([]float64, len(r.sums))
	for j := range values {
		values[j] = value(j)
		r.sums[j] += values[j]
	}
	r.values = append(r.values, values)
	if len(r.values) > r.window {
		for j, v := range r.values[0] {
			r.sums[j] -= v
		}
		r.values = r.values[1:]
	}
}

// means returns the mean over the window by mixnode, nil before it is full.
func (r *rolling) means() []float64 {
	if len(r.values) < r.window {
		return nil
	}
	means := make([]float64, len(r.sums))
	for j, sum := range r.sums {
		means[j] = min(1, max(0, sum/float64(r.window)))
	}
	return means
}

func selectionMeasures() []Measure {
	of := func(value func(Selection) float64) func(Figures) float64 {
		return part(func(f Figures) *Selection { return f.Selection }, value)
	}
	return []Measure{
		{"chance_shift", "chance", "Mean change of a node's chance to be drawn.", true, of(func(s Selection) float64 { return s.Shift })},
		{"chance_loss", "chance", "What the node that loses most loses of its chance.", true, of(func(s Selection) float64 { return s.Loss })},
		{"wrong_places", "places", "Places that go to other nodes.", true, of(func(s Selection) float64 { return s.Places })},
		{"misdrawn", "NYM an epoch", "Over- and underpaid in expectation, draws included.", true, of(func(s Selection) float64 { return s.NYM })},
	}
}
