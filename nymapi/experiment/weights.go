package experiment

import (
	"math"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// firstEpochs is how many epochs of an attack count as its beginning: those in which no honest
// history can have changed anything (see [payout.Lag]), and one more.
const firstEpochs = payout.Lag + 1

// Weights is how a rule that weighs Nym-APIs by their past treats them, with the lag of the history
// that live epochs have. A Nym-API stands out if its deviation is above the reference, so that it
// weighs less than others. Fields about weights are NaN for ways without weights, and those about
// liars if nobody lies.
type Weights struct {
	Caught      float64 // epochs of the attack until a liar stands out; all if it never does
	Never       float64 // share of liars that never stand out
	LiarWeight  float64 // share of all weight that liars have in the attack, cut as in a full column
	FalseAlarms float64 // share of honest reports whose reporter stands out
	Poorest     float64 // weight of the honest Nym-API that weighs least on average; 1: as much as any
	First       float64 // RMSE over paid cells in the first epochs of the attack
	Targets     float64 // RMSE over paid cells of the mixnodes lied about, during the attack
}

// attack is what is known about the liars of a cell.
type attack struct {
	liars   int // the first ones lie
	wakes   int // first epoch (from 1) in which they do
	targets int // the first mixnodes are lied about
}

// weightsWatch watches the weights of one way.
type weightsWatch struct {
	attack
	n, f           int
	epoch          int // from 1
	weighs         bool
	caught         []int // by liar: epochs of the attack until it stood out, 0 while it does not
	liarWeight     mean
	alarms         mean
	honest         []mean // relative weights by Nym-API
	first, targets mean   // of squares
}

func newWeightsWatch(c Cell, a attack) *weightsWatch {
	return &weightsWatch{attack: a, n: c.N, f: c.F(), caught: make([]int, a.liars), honest: make([]mean, c.N)}
}

func (w *weightsWatch) see(way payout.Way, r payout.Reports) {
	w.epoch++
	weights := payout.Weights(way, r)
	if weights == nil || len(weights.Raw) == 0 {
		return
	}
	w.weighs = true
	most, row := int64(0), 0
	for _, raw := range weights.Raw {
		most = max(most, raw)
	}
	for i := range w.n {
		if r.Row(i) == nil {
			continue
		}
		outside := weights.Deviations[row] > weights.Reference
		w.judge(i, outside, float64(weights.Raw[row])/float64(most))
		row++
	}
	w.weigh(r, metrics.CapWeights(weights.Raw, w.f))
}

// judge records what a Nym-API weighs, and whether it stands out.
func (w *weightsWatch) judge(i int, outside bool, weight float64) {
	if i >= w.liars {
		w.alarms.addIf(outside)
		w.honest[i].add(weight)
		return
	}
	if outside && w.epoch >= w.wakes && w.caught[i] == 0 {
		w.caught[i] = w.epoch - w.wakes + 1
	}
}

// weigh records the share of the liars of the weights that are cut, nil if there are too few.
func (w *weightsWatch) weigh(r payout.Reports, cut []int64) {
	if cut == nil || w.epoch < w.wakes {
		return
	}
	row, liars, sum := 0, 0.0, 0.0
	for i := range w.n {
		if r.Row(i) == nil {
			continue
		}
		sum += float64(cut[row])
		if i < w.liars {
			liars += float64(cut[row])
		}
		row++
	}
	w.liarWeight.add(liars / sum)
}

func (w *weightsWatch) pay(paid []payout.Payment, truth []float64) {
	if w.epoch < w.wakes {
		return
	}
	for j, p := range paid {
		points, ok := p.Value.Points()
		if !ok || math.IsNaN(truth[j]) {
			continue
		}
		square := (points - truth[j]) * (points - truth[j])
		if w.epoch < w.wakes+firstEpochs {
			w.first.add(square)
		}
		if j < w.attack.targets {
			w.targets.add(square)
		}
	}
}

func (w *weightsWatch) figures(f *Figures) {
	nan := math.NaN()
	result := Weights{Caught: nan, Never: nan, LiarWeight: nan, FalseAlarms: nan, Poorest: nan, First: w.first.root(), Targets: w.targets.root()}
	if w.weighs {
		result.FalseAlarms = w.alarms.value()
		result.Poorest = 1
		for _, honest := range w.honest[w.liars:] {
			result.Poorest = min(result.Poorest, honest.value())
		}
	}
	if w.weighs && w.liars > 0 {
		var caught, never mean
		for _, epochs := range w.caught {
			never.addIf(epochs == 0)
			if epochs == 0 {
				epochs = w.epoch - w.wakes + 1
			}
			caught.add(float64(epochs))
		}
		result.Caught, result.Never, result.LiarWeight = caught.value(), never.value(), w.liarWeight.value()
	}
	f.Weights = &result
}

// mean is the mean of values. The zero value has none.
type mean struct {
	sum   float64
	count int
}

func (m *mean) add(value float64) { m.sum, m.count = m.sum+value, m.count+1 }

// addIf adds 1 if something holds, and 0 otherwise.
func (m *mean) addIf(holds bool) {
	if holds {
		m.sum++
	}
	m.count++
}

// value returns NaN without values.
func (m *mean) value() float64 { return m.sum / float64(m.count) }

// root returns the root of the mean of squares.
func (m *mean) root() float64 { return math.Sqrt(m.value()) }

func weightMeasures() []Measure {
	of := func(value func(Weights) float64) func(Figures) float64 {
		return part(func(f Figures) *Weights { return f.Weights }, value)
	}
	return []Measure{
		{"caught", "epochs", "Until a liar stands out; all epochs if never.", true, of(func(w Weights) float64 { return w.Caught })},
		{"never_caught", "share", "Liars that never stand out.", true, of(func(w Weights) float64 { return w.Never })},
		{"liar_weight", "share", "Of all weight, held by liars.", true, of(func(w Weights) float64 { return w.LiarWeight })},
		{"false_alarms", "share", "Honest reports whose reporter stands out.", true, of(func(w Weights) float64 { return w.FalseAlarms })},
		{"poorest_weight", "share", "Weight of the honest Nym-API that weighs least; 1: full.", false, of(func(w Weights) float64 { return w.Poorest })},
		{"first_rmse", "points", "RMSE in the first three epochs of an attack.", true, of(func(w Weights) float64 { return w.First })},
		{"targets_rmse", "points", "RMSE over the mixnodes lied about.", true, of(func(w Weights) float64 { return w.Targets })},
	}
}
