package compare

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
)

// Rules of the contracts without a flag.
const (
	acceptEpochs = 3 // number of epochs after its end during which an epoch can be rewarded
	carryEpochs  = 3 // number of epochs for which a mixnode without a new value keeps its last one
)

// Plan is a completed [Config]: everything that is decided before the start. It must not be
// modified and may be used concurrently.
type Plan struct {
	Config // all fields set
	roles  roles
	input  input
	// more is the measurements of a Nym-API that measures Nodes times in each tick, nil if the source
	// cannot measure more.
	more      sampled
	slowness  float64      // factor of computing times, see measureSlowness; below 1 it counts as 1
	traceOf   *trace.Trace // nil unless Source is SourceTrace
	observers []int        // of the trace, by Nym-API
}

// Plan checks and completes the configuration, and reads its trace if it has one. The error is a
// [*FlagError], or that of reading the trace.
func (c Config) Plan() (*Plan, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &Plan{Config: c.complete()}
	var err error
	if p.Source == SourceTrace {
		err = p.readTrace()
	} else {
		err = p.simulate()
	}
	if err != nil {
		return nil, err
	}
	if p.Nodes >= bigRun {
		if p.slowness, err = measureSlowness(); err != nil {
			return nil, err
		}
	}
	if c.Epoch == 0 {
		p.Epoch = max(p.Epoch, roundUp(2*p.costPerEpoch(), time.Second))
	}
	p.roles, err = p.positions(p.Nodes)
	return p, err
}

// readTrace reads the trace and completes the fields that it provides.
func (p *Plan) readTrace() error {
	file, err := trace.Open(p.Trace)
	if err != nil {
		return fmt.Errorf("--trace: %w", err)
	}
	names := p.Observers
	if len(names) == 0 {
		names = file.Observers
	}
	if p.observers, err = file.Find(names); err != nil {
		return fmt.Errorf("--observers %s: %w", strings.Join(names, ","), err)
	}
	trusted, err := file.Find(p.Truth)
	if err != nil {
		return fmt.Errorf("--truth %s: %w", strings.Join(p.Truth, ","), err)
	}
	for _, f := range []struct {
		flag       string
		field      *int
		have, most int
	}{
		{"nodes", &p.Nodes, len(names), maxNodes},
		{"mixnodes", &p.Mixnodes, len(file.Mixnodes), maxMixnodes},
	} {
		if *f.field != 0 && *f.field != f.have {
			return wrong(f.flag, *f.field, fmt.Sprintf("%d, as in the trace", f.have), "remove it with --source trace")
		}
		if f.have > f.most {
			return wrong(f.flag, f.have, fmt.Sprintf("at most %d", f.most), "give fewer --observers, or remove columns from the file")
		}
		*f.field = f.have
	}
	if p.Epochs > len(file.Epochs) {
		return wrong("epochs", p.Epochs, fmt.Sprintf("at most %d, as in the trace", len(file.Epochs)), "remove it to run all")
	}
	setDefault(&p.Epochs, min(len(file.Epochs), maxEpochs))
	p.Observers, p.traceOf = names, file
	by, second, err := p.truthRules()
	if err != nil {
		return err
	}
	p.input = newReplay(file, p.observers, trusted, by, second)
	return nil
}

// truthRules returns the estimator that makes the truth of a trace, and the one that makes the
// other.
func (p *Plan) truthRules() (by, second metrics.Estimator, err error) {
	first, then := TruthMedian, TruthMean
	if p.TruthBy == TruthMean {
		first, then = then, first
	}
	if by, err = metrics.ParseEstimator(first); err != nil {
		return nil, nil, err
	}
	second, err = metrics.ParseEstimator(then)
	return by, second, err
}

// MixnodeNames returns the names of the mixnodes in ascending order. It must not be modified.
func (p *Plan) MixnodeNames() []metrics.MixID { return p.input.mixnodes() }

// F returns the number of Byzantine Nym-APIs that the group tolerates.
func (p *Plan) F() int { return quorum.Faulty(p.Nodes) }

// Warnings returns sentences that a user should read before the run.
func (p *Plan) Warnings() []string {
	var warnings []string
	if p.F() == 0 {
		warnings = append(warnings, fmt.Sprintf("%d Nym-APIs tolerate no fault (f = 0): a single liar can change what is paid, and a single "+
			"offline Nym-API stops all rewards. Run at least 4.", p.Nodes))
	}
	if liars := len(p.roles.liars); liars > p.F() && p.Nodes > 1 {
		warnings = append(warnings, fmt.Sprintf("%d liars are more than the f = %d that %d Nym-APIs tolerate: no estimator is "+
			"reliable.", liars, p.F(), p.Nodes))
	}
	if silent := p.silent(); silent > p.F() {
		warnings = append(warnings, fmt.Sprintf("%d of %d Nym-APIs are offline or silent, more than f = %d: a block needs the reports of "+
			"n-f = %d, so no epoch will be rewarded with Ephemera.", silent, p.Nodes, p.F(), quorum.Correct(p.Nodes)))
	}
	if both := p.overlap(); len(both) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s %s both in --observers and in --truth: a reporter that is part of the truth is close to it "+
			"in any case. Give different observers to see how good a rule is.", strings.Join(both, ","), isAre(len(both))))
	}
	if cost := p.costPerEpoch(); p.Epoch < 2*cost {
		warnings = append(warnings, fmt.Sprintf("An epoch of %d Nym-APIs and %d mixnodes takes this machine about %s of computation, too much "+
			"for epochs of %s: reports may be late and epochs missed; give --epoch %s or longer.",
			p.Nodes, p.Mixnodes, cost.Round(100*time.Millisecond), p.Epoch, roundUp(2*cost, time.Second)))
	}
	return warnings
}

// overlap returns the observers that report and are part of the truth.
func (p *Plan) overlap() []string {
	var both []string
	for _, name := range p.Observers {
		if slices.Contains(p.Truth, name) {
			both = append(both, name)
		}
	}
	return both
}

func isAre(count int) string {
	if count == 1 {
		return "is"
	}
	return "are"
}

// silent returns the number of Nym-APIs that do not take part in the broadcast: they are offline,
// or silent after two different reports.
func (p *Plan) silent() int {
	silent := len(p.roles.offline)
	if p.Lie == LieSplit {
		silent += len(p.roles.liars)
	}
	return silent
}
