package compare

import (
	"fmt"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
)

// Rules of the contracts that have no flag here.
const (
	acceptEpochs = 3 // epochs after its end in which an epoch can be rewarded
	carryEpochs  = 3 // epochs over which a mixnode without a new value keeps its last one
)

// Plan is a [Config] made complete: everything that is decided before anything starts. It is
// read-only and may be used concurrently.
type Plan struct {
	Config // all fields set
	roles  roles
	input  input
	// moreProbes is the input of a Nym-API that sends Nodes times the packets, nil where the source
	// has none.
	moreProbes input
	traceOf    *trace.Trace // nil unless Source is SourceTrace
	observers  []int        // of the trace, by Nym-API
}

// Plan checks the configuration, reads its trace if there is one, and decides everything. The error
// is a [*FlagError], or that of reading the trace.
func (c Config) Plan() (*Plan, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &Plan{Config: c.complete()}
	var err error
	if p.Source == SourceTrace {
		err = p.readTrace(c)
	} else {
		err = p.simulate()
	}
	if err != nil {
		return nil, err
	}
	p.roles, err = p.positions(p.Nodes)
	return p, err
}

// readTrace opens the trace and lets it decide what is not given.
func (p *Plan) readTrace(given Config) error {
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
	believed, err := file.Find(p.Truth)
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
			return wrong(f.flag, *f.field, fmt.Sprintf("%d as the trace has them", f.have), "remove it with --source trace")
		}
		if f.have > f.most {
			return wrong(f.flag, f.have, fmt.Sprintf("at most %d", f.most), "take fewer --observers, or cut columns off the file")
		}
		*f.field = f.have
	}
	if p.Epochs > len(file.Epochs) {
		return wrong("epochs", p.Epochs, fmt.Sprintf("at most %d, as many as the trace has", len(file.Epochs)), "remove it to run all")
	}
	setDefault(&p.Epochs, min(len(file.Epochs), maxEpochs))
	p.Observers, p.traceOf = names, file
	p.input = newReplay(file, p.observers, believed)
	if given.Epoch == 0 {
		p.Epoch = max(p.Epoch, roundUp(2*p.costPerEpoch(), time.Second))
	}
	return nil
}

// MixnodeNames returns the mixnodes' names in ascending order. It is read-only.
func (p *Plan) MixnodeNames() []metrics.MixID { return p.input.mixnodes() }

// F returns how many Byzantine Nym-APIs the group tolerates.
func (p *Plan) F() int { return quorum.Faulty(p.Nodes) }

// Warnings returns what a user should know before the run starts, a sentence each.
func (p *Plan) Warnings() []string {
	var warnings []string
	if p.F() == 0 {
		warnings = append(warnings, fmt.Sprintf("Fewer than 4 Nym-APIs, here %d, tolerate no fault (f = 0): one that lies may change what "+
			"is paid, and one that is away stops all.", p.Nodes))
	}
	if liars := len(p.roles.liars); liars > p.F() && p.Nodes > 1 {
		warnings = append(warnings, fmt.Sprintf("%d liars are more than the f = %d that %d Nym-APIs tolerate: no estimator can be "+
			"relied on.", liars, p.F(), p.Nodes))
	}
	if silent := p.silent(); silent > p.F() {
		warnings = append(warnings, fmt.Sprintf("%d of %d Nym-APIs are away or silent, more than f = %d: a block needs the reports of "+
			"n-f = %d, so no epoch will be rewarded with Ephemera.", silent, p.Nodes, p.F(), quorum.Correct(p.Nodes)))
	}
	if cost := p.costPerEpoch(); p.Epoch < 2*cost {
		warnings = append(warnings, fmt.Sprintf("This machine computes about %s for an epoch of %d Nym-APIs and %d mixnodes, too much for an "+
			"epoch of %s: reports may come late and epochs be missed; give --epoch %s or longer.",
			cost.Round(100*time.Millisecond), p.Nodes, p.Mixnodes, p.Epoch, roundUp(2*cost, time.Second)))
	}
	return warnings
}

// silent returns how many Nym-APIs take no part in broadcasting: they are away, or fall silent
// after two different reports.
func (p *Plan) silent() int {
	silent := len(p.roles.offline)
	if p.Lie == LieSplit {
		silent += len(p.roles.liars)
	}
	return silent
}
