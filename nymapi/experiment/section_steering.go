package experiment

import (
	"fmt"
	"math/bits"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// Steering is what Nym-APIs that report nothing false can change, by which reports count: those
// that they hold back, and those that they leave out of their block. Shifts are distances from what
// all reports together yield.
type Steering struct {
	One   float64 // points: largest shift of a mixnode of their choice, mean over mixnodes and epochs
	Worst float64 // points: largest shift of any mixnode in any epoch
	Total float64 // NYM an epoch: largest sum of the shifts of all mixnodes by one choice
}

// choiceFactor is the factor of the cells of this section: who chooses which reports count.
const choiceFactor = "choice"

// choice is a way to choose which reports count. All Nym-APIs measure and report honestly. The
// first ones act together, and see all reports before they choose.
type choice struct {
	level string
	alone bool // one acts, not f
	// allowed reports whether a block may lack that many reports of those that act, and that many of
	// others. It lacks f at most.
	allowed func(f, acting, others int) bool
	most    int // size of the largest group for which all blocks are tried
}

// choices returns who may choose, from the weakest to the strongest.
func choices() []choice {
	return []choice{
		// One is the last to report, and reports or not.
		{"last", true, func(_, _, others int) bool { return others == 0 }, 17},
		// f hold back what they like. As long as all honest members sign only blocks with every report
		// that they hold, no other choice can win.
		{"withhold", false, func(_, _, others int) bool { return others == 0 }, 17},
		// The block with the most reports wins. The f show their reports to nobody, so the blocks of
		// the others have n-f. A block with more wins, even if it lacks honest reports.
		{"most-reports", false, func(f, acting, others int) bool { return others == 0 || acting+others < f }, 10},
		// A block of one of the f wins, with any n-f reports.
		{"winner", false, func(int, int, int) bool { return true }, 10},
	}
}

// steeringCells is honest everywhere.
func steeringCells() []Cell {
	var cells []Cell
	for _, choice := range choices() {
		for _, n := range []int{4, 7, 10, 13, 17} {
			if n <= choice.most {
				c := Base("steering", Honest).with(choiceFactor, choice.level)
				c.N, c.Epochs = n, 8
				cells = append(cells, c)
			}
		}
	}
	return cells
}

// blocks returns all blocks that a choice allows, by member: first the one with all reports.
func (c choice) blocks(n, f int) [][]bool {
	act := f
	if c.alone {
		act = min(1, f)
	}
	var all [][]bool
	for out := range uint(1) << n {
		acting := bits.OnesCount(out & (1<<act - 1))
		others := bits.OnesCount(out) - acting
		if acting+others > f || !c.allowed(f, acting, others) {
			continue
		}
		block := make([]bool, n)
		for i := range block {
			block[i] = out>>i&1 == 0
		}
		all = append(all, block)
	}
	return all
}

// playSteering plays a cell by every way for which blocks matter. In each epoch the block with the
// largest total shift wins. The next epoch begins from there.
func playSteering(c Cell, o observe.Observations, seed uint64) ([]Outcome, error) {
	for _, choice := range choices() {
		if choice.level != c.Level {
			continue
		}
		return c.steer(choice, o), nil
	}
	return nil, fmt.Errorf("play %s: unknown choice", c)
}

// ways returns new ways of deciding for which a choice makes a difference: the group, and Nym's
// performance contract as long as members can only hold back reports of their own.
func (c choice) ways(cell Cell) []*steered {
	var ways []*steered
	for _, e := range cell.estimators() {
		ways = append(ways, &steered{way: payout.Group(cell.N, e)})
	}
	if others := c.allowed(2, 0, 1); !others {
		ways = append(ways, &steered{way: payout.Performance()})
	}
	for _, w := range ways {
		w.best = make([]metrics.Uptime, cell.Mixnodes)
	}
	return ways
}

// steer plays a cell by each way, with the blocks that a choice allows.
func (c Cell) steer(choice choice, o observe.Observations) []Outcome {
	runs, blocks := choice.ways(c), choice.blocks(c.N, c.F())
	for epoch := range o.Epochs() {
		reports := payout.NewReports(c.Mixnodes, o.Values[epoch][:c.N])
		for _, run := range runs {
			run.begin(reports)
		}
		for _, block := range blocks {
			only := reports.Only(block)
			for _, run := range runs {
				run.try(only)
			}
		}
		for _, run := range runs {
			run.settle(o.Truth[epoch])
		}
	}
	var outcomes []Outcome
	for _, run := range runs {
		outcomes = append(outcomes, Outcome{Way: run.way.Name(), Figures: run.figures()})
	}
	return outcomes
}

// steered is a way whose reports are chosen.
type steered struct {
	scorer
	way    payout.Way
	honest []metrics.Uptime // what all reports yield in this epoch
	best   []metrics.Uptime // by mixnode: largest shift in this epoch
	sum    int              // largest sum of shifts by one choice in this epoch
	chosen payout.Reports   // by which it is
	one    mean             // hundredths of a percent
	total  mean
	worst  metrics.Uptime
}

// begin begins an epoch with all reports.
func (s *steered) begin(all payout.Reports) {
	s.honest = append(s.honest[:0], s.way.Score(all)...)
	clear(s.best)
	s.sum, s.chosen = -1, all
}

// try tries a choice. A score that it makes missing is a shift by all of it.
func (s *steered) try(only payout.Reports) {
	sum := 0
	for j, score := range s.way.Score(only) {
		shift := max(score, 0) - max(s.honest[j], 0)
		shift = max(shift, -shift)
		s.best[j] = max(s.best[j], shift)
		sum += int(shift)
	}
	if sum > s.sum {
		s.sum, s.chosen = sum, only
	}
}

// settle ends the epoch with the choice that shifts most.
func (s *steered) settle(truth []float64) {
	for _, shift := range s.best {
		s.one.add(float64(shift))
		s.worst = max(s.worst, shift)
	}
	s.total.add(float64(s.sum))
	s.scorer.settle(s.way, s.chosen, truth)
}

func (s *steered) figures() Figures {
	f := s.scorer.figures()
	const point = float64(metrics.PerPoint)
	f.Steering = &Steering{One: s.one.value() / point, Worst: float64(s.worst) / point, Total: s.total.value() / float64(metrics.Full) * worth.Pay(1)}
	return f
}

func steeringMeasures() []Measure {
	of := func(value func(Steering) float64) func(Figures) float64 {
		return part(func(f Figures) *Steering { return f.Steering }, value)
	}
	return []Measure{
		{"shift_one", "points", "Largest shift of a mixnode of choice, mean over mixnodes.", true, of(func(s Steering) float64 { return s.One })},
		{"shift_worst", "points", "Largest shift of any mixnode.", true, of(func(s Steering) float64 { return s.Worst })},
		{"shift_total", "NYM an epoch", "Largest sum of all shifts by one choice of reports.", true, of(func(s Steering) float64 { return s.Total })},
	}
}
