package compare

import (
	"fmt"
	"runtime"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// bigRun is the number of Nym-APIs above which an estimate of the time is given before the run:
// below, epochs pass by the clock, above, one machine may not keep up with the work of all of them.
const bigRun = 30

// What one core computes for an epoch, fitted to runs of 4, 10 and 30 Nym-APIs in one process.
const (
	signatureCost = 40 * time.Microsecond  // one Ed25519 verification
	cellCost      = 250 * time.Nanosecond  // one value of a report, decoded and sorted
	frontierCost  = 170 * time.Microsecond // what one member tells another about one chain
)

// costPerEpoch estimates the time that this machine computes for one epoch of the ephemera mode:
// every member verifies every report and n certificates of q echoes, recomputes n matrices of n
// reports, and hears from every other about n chains.
func (p *Plan) costPerEpoch() time.Duration {
	n, q := time.Duration(p.Nodes), time.Duration(quorum.Size(p.Nodes))
	work := (n*n+n*n*q)*signatureCost + n*n*n*time.Duration(p.Mixnodes)*cellCost + n*n*n*frontierCost
	return work / time.Duration(runtime.GOMAXPROCS(0))
}

// EstimatedTime returns how long the run will take: its epochs, or the computing where that takes
// longer, and the acceptance time of epochs that will be missed.
func (p *Plan) EstimatedTime() time.Duration {
	epoch := max(p.Epoch, p.costPerEpoch())
	total := time.Duration(p.Epochs) * epoch
	switch missed := p.silent() > p.F() || p.roles.isOffline(p.Single); {
	case missed && p.Source == SourceTrace: // the next epoch waits for the decision
		total += time.Duration(p.Epochs*acceptEpochs) * p.Epoch
	case missed:
		total += acceptEpochs * p.Epoch
	case p.Source == SourceTrace:
		total += time.Duration(p.Epochs) * min(p.costPerEpoch()+100*time.Millisecond, p.Epoch)
	}
	return total
}

// Estimate returns the sentence that a big run begins with, empty for others.
func (p *Plan) Estimate() string {
	if p.Nodes <= bigRun {
		return ""
	}
	return fmt.Sprintf("%d Nym-APIs in one process: this will take about %s (%d epochs, about %s of computing each on %d cores).",
		p.Nodes, roundUp(p.EstimatedTime(), time.Second), p.Epochs, p.costPerEpoch().Round(10*time.Millisecond), runtime.GOMAXPROCS(0))
}

// roundUp returns the smallest multiple of unit that is at least d.
func roundUp(d, unit time.Duration) time.Duration { return (d + unit - 1) / unit * unit }
