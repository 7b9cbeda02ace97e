package grid

import (
	"context"
	"runtime"
	"time"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"
)

const (
	// calibrateFor bounds how long runs are timed.
	calibrateFor = 8 * time.Second
	// longEpochs is the number of epochs from which on a run is timed with fewer of them.
	longEpochs = 200
	// longRun is a run in which the time for a world is negligible.
	longRun = 300 * time.Millisecond
	// manyCells of a kind are timed at three places, others at one.
	manyCells = 30
)

// kind is a kind of cells whose runs take about as long as each other.
type kind struct {
	section  int
	adaptive bool // the lie is: it takes much longer
}

// Estimate estimates how long the runs without results will take on this machine as it is now. It
// plays and times some of them, and adds the results to the journal if they are those of whole
// runs. The error is one of a run, the journal or the context.
func (p *Plan) Estimate(ctx context.Context, j *Journal) (time.Duration, error) {
	t := timing{plan: p, journal: j, start: time.Now(), spent: map[kind][]time.Duration{}}
	for _, i := range p.samples() {
		if time.Since(t.start) > calibrateFor {
			break
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err := t.sample(i); err != nil {
			return 0, err
		}
	}
	return t.total() / time.Duration(runtime.GOMAXPROCS(0)), nil
}

// kinds returns the cells of each kind, by index, and the kinds in the order of the cells.
func (p *Plan) kinds() (map[kind][]int, []kind) {
	cells, order := map[kind][]int{}, []kind(nil)
	for i, c := range p.cells {
		if cells[c.kind] == nil {
			order = append(order, c.kind)
		}
		cells[c.kind] = append(cells[c.kind], i)
	}
	return cells, order
}

func kindOf(section int, c experiment.Cell) kind {
	lie, _ := lies.Find(c.Lie) // not adaptive if it is honest
	return kind{section, lie.Adaptive}
}

// samples returns the cells that are timed: first one of each kind, then others.
func (p *Plan) samples() []int {
	cells, order := p.kinds()
	var middle, others []int
	for _, k := range order {
		of := cells[k]
		middle = append(middle, of[len(of)/2])
		if len(of) >= manyCells {
			others = append(others, of[len(of)/6], of[len(of)*5/6])
		}
	}
	return append(middle, others...)
}

// timing is what was timed so far.
type timing struct {
	plan    *Plan
	journal *Journal
	start   time.Time
	spent   map[kind][]time.Duration // for runs of the same kind
	worlds  time.Duration            // for what runs of a seed share
}

// sample plays a cell with the first seed. A short run is played twice, to tell the time for its
// world, which all runs of the seed share, from that of the run.
func (t *timing) sample(i int) error {
	cell, scale := t.plan.cells[i], 1.0
	if cell.Epochs > longEpochs {
		scale = float64(cell.Epochs) / longEpochs
		cell.Epochs = longEpochs
	}
	begin := time.Now()
	outcomes, err := cell.play(cell.Cell, t.plan.firstSeed)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	if scale == 1 {
		if err := t.journal.add(newRecord(i, outcomes)); err != nil {
			return err
		}
	}
	if first := took; took < longRun {
		begin = time.Now()
		if _, err := cell.play(cell.Cell, t.plan.firstSeed); err != nil {
			return err
		}
		took = min(took, time.Since(begin))
		t.worlds += scaled(first-took, scale)
	}
	t.spent[cell.kind] = append(t.spent[cell.kind], scaled(took, scale))
	return nil
}

func scaled(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

// total returns the time of all runs without results, on one core.
func (t *timing) total() time.Duration {
	var total time.Duration
	remaining := t.plan.remaining(t.journal)
	for _, run := range remaining {
		cell, _ := t.plan.of(run)
		total += t.typical(cell.kind)
	}
	seeds := (len(remaining) + len(t.plan.cells) - 1) / len(t.plan.cells)
	return total + time.Duration(seeds)*t.worlds
}

// typical returns the mean time of a kind, or that of all kinds with such a lie if the kind was not
// timed.
func (t *timing) typical(k kind) time.Duration {
	spent := t.spent[k]
	if len(spent) == 0 {
		for other, more := range t.spent {
			if other.adaptive == k.adaptive {
				spent = append(spent, more...)
			}
		}
	}
	var sum time.Duration
	for _, s := range spent {
		sum += s
	}
	return sum / time.Duration(max(1, len(spent)))
}
