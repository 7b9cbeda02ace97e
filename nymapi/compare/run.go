package compare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
)

// Options say where a run keeps its files and what it reports to.
type Options struct {
	// Database returns the file to which the database of a mode's contract is copied at the end. Nil
	// copies none.
	Database func(Mode) string
	// Evidence returns the folder to which what a stranger needs to verify a mode's epochs is written
	// at the end: a folder with the bundles, and next to it the group and the contract's key. Nil
	// writes nothing, and the run does not wait until the last epochs have annexes.
	Evidence func(Mode) string
	// Work is the folder in which the run keeps its data until it ends, default: the system's for
	// temporary files.
	Work     string
	Progress Progress     // default: none
	Logger   *slog.Logger // of contracts and Nym-APIs, default: none
}

// Timeouts beyond the planned time.
const (
	slack       = time.Minute      // of a run
	leastFinish = 30 * time.Second // to read and copy what is finished: see Plan.finishTime
	stopTime    = 20 * time.Second // to stop everything
)

// Run runs all modes at the same time and returns the outcome of each, single first. It starts
// everything it needs and leaves only the databases behind.
//
// The error is ErrDescriptors if the process may have too few files and connections open.
//
// If ctx ends first, the outcomes hold the epochs that are settled by then, and the error is that
// of ctx.
func Run(ctx context.Context, p *Plan, options Options) ([]Outcome, error) {
	if err := p.fits(descriptors.Limit()); err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp(options.Work, "nymapi-compare-")
	if err != nil {
		return nil, fmt.Errorf("create a folder for the Nym-APIs' data: %w", err)
	}
	modes := p.Modes()
	outcomes, errs := make([]Outcome, len(modes)), make([]error, len(modes))
	progress := &progressReporter{progress: options.Progress}
	var running sync.WaitGroup
	// A mode that fails cancels the others: there is nothing to compare.
	both, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for i, mode := range modes {
		running.Go(func() {
			r := &modeRun{plan: p, mode: mode, dir: filepath.Join(work, string(mode)), options: options, progress: progress}
			outcomes[i], errs[i] = r.run(both)
			outcomes[i].Mode = mode
			if errs[i] != nil && both.Err() == nil {
				errs[i] = fmt.Errorf("mode %s: %w", mode, errs[i])
				stop(errs[i])
			}
		})
	}
	running.Wait()
	removed := os.RemoveAll(work)
	if cause := context.Cause(both); cause != nil && ctx.Err() == nil {
		return nil, errors.Join(cause, removed)
	}
	if ctx.Err() != nil {
		return outcomes, errors.Join(ctx.Err(), removed)
	}
	return outcomes, errors.Join(append(errs, removed)...)
}

// progressReporter serialises what the modes report to a Progress.
type progressReporter struct {
	mu       sync.Mutex
	progress Progress
}

func (t *progressReporter) settled(mode Mode, epoch int, record Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.progress != nil {
		t.progress.Settled(mode, epoch, record)
	}
}
