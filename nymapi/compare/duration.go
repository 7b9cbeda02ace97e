package compare

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// bigRun is the number of Nym-APIs from which on the run begins with an estimate of its time,
// because one machine may not keep up with the work of so large a group.
const bigRun = 30

// Computing times on one core, fitted to runs of 4, 10, 30 and 100 Nym-APIs in one process.
const (
	signatureCost = 25 * time.Microsecond // one Ed25519 verification
	perSignature  = 23                    // tenths of it that a round takes for each verification
	cellCost      = 250 * time.Nanosecond // one value of a report, decoded and sorted
)

// costPerEpoch estimates the computing time of this machine for one epoch of the ephemera mode:
// every member verifies every report and n certificates of q echoes, and recomputes n matrices of n
// reports. About two fifths of a round are signatures (docs/FIGURES.md).
func (p *Plan) costPerEpoch() time.Duration {
	n, q := time.Duration(p.Nodes), time.Duration(quorum.Size(p.Nodes))
	work := (n*n+n*n*q)*signatureCost*perSignature/10 + n*n*n*time.Duration(p.Mixnodes)*cellCost
	return time.Duration(max(1, p.slowness) * float64(work) / float64(runtime.GOMAXPROCS(0)))
}

// measureSlowness returns by what factor signatures take longer at the moment than signatureCost,
// on all cores together and at least 1: on a slow machine, or one that does other work. It takes a
// tenth of a second on an idle one.
func measureSlowness() (float64, error) {
	key, err := keys.Generate()
	if err != nil {
		return 0, err
	}
	const checks = 1000 // by each core
	message := []byte("how long does a signature take?")
	signature, public, start := key.Sign(message), key.Public(), time.Now()
	var cores errgroup.Group
	for range runtime.GOMAXPROCS(0) {
		cores.Go(func() error {
			for range checks {
				if !public.Verify(message, signature) {
					return errSignature
				}
			}
			return nil
		})
	}
	if err := cores.Wait(); err != nil {
		return 0, err
	}
	return max(1, float64(time.Since(start))/float64(checks*signatureCost)), nil
}

// finishTime is for how long a mode may read, check and copy what is finished. In a big group the
// other mode may still compute, so that the contract does not answer for a while.
func (p *Plan) finishTime() time.Duration { return leastFinish + 4*p.costPerEpoch() }

// errSignature reports a machine that cannot compute.
var errSignature = errors.New("verify a signature that was made a moment ago: it is wrong (check the machine's memory)")

// EstimatedTime returns the estimated time of the run: its epochs, or the computing time if that is
// longer, what a big run computes after the last one, and the acceptance time of epochs that will
// be missed.
func (p *Plan) EstimatedTime() time.Duration {
	epoch := max(p.Epoch, p.costPerEpoch())
	total := time.Duration(p.Epochs) * epoch
	if p.Nodes >= bigRun { // the last epoch's blocks, late submissions, and all evidence at the end
		total += 2 * p.costPerEpoch()
	}
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

// Estimate returns a sentence about the time of a big run, empty for others.
func (p *Plan) Estimate() string {
	if p.Nodes < bigRun {
		return ""
	}
	return fmt.Sprintf("%d Nym-APIs in one process: this will take about %s (%d epochs of %s, each with about %s of computation on %d cores as busy as now) "+
		"and about %d open files and connections.",
		p.Nodes, roundUp(p.EstimatedTime(), time.Second), p.Epochs, p.Epoch, p.costPerEpoch().Round(10*time.Millisecond), runtime.GOMAXPROCS(0),
		p.Descriptors())
}

// roundUp returns the smallest multiple of unit that is at least d.
func roundUp(d, unit time.Duration) time.Duration { return (d + unit - 1) / unit * unit }
