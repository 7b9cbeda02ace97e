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
)

// Options say where a run keeps things and who is told.
type Options struct {
	// Database returns where the database of a mode's contract is copied to in the end, as one file.
	// Nil: nowhere.
	Database func(Mode) string
	// Work is the folder in which the run keeps its data until it ends, default: the system's for
	// temporary files.
	Work     string
	Progress Progress     // default: nobody is told
	Logger   *slog.Logger // of contracts and Nym-APIs, default: none
}

// How long things may take beyond what is planned.
const (
	slack      = time.Minute      // for a run
	finishTime = 30 * time.Second // for reading and copying what is finished
	stopTime   = 20 * time.Second // for everything to stop
)

// Run runs both modes side by side and returns what became of each, single first. It starts
// everything and leaves nothing behind but the databases.
//
// When ctx ends first, the outcomes hold the epochs that are settled by then, and the error is that
// of ctx.
func Run(ctx context.Context, p *Plan, options Options) ([]Outcome, error) {
	work, err := os.MkdirTemp(options.Work, "nymapi-compare-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the Nym-APIs' data: %w", err)
	}
	modes := []Mode{Single, Ephemera}
	outcomes, errs := make([]Outcome, len(modes)), make([]error, len(modes))
	told := &teller{progress: options.Progress}
	var running sync.WaitGroup
	// One that fails ends the other: half a comparison is none.
	both, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for i, mode := range modes {
		running.Go(func() {
			s := &stage{plan: p, mode: mode, dir: filepath.Join(work, string(mode)), options: options, told: told}
			outcomes[i], errs[i] = s.run(both)
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

// teller tells a Progress about both modes, one at a time.
type teller struct {
	mu       sync.Mutex
	progress Progress
}

func (t *teller) settled(mode Mode, epoch int, record Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.progress != nil {
		t.progress.Settled(mode, epoch, record)
	}
}
