// Package wait has the waits of programs that end with a context: for a time, and between the
// attempts of an action that may succeed later.
//
// The package is unstable: it is public only because the modules of this repository share it.
package wait

import (
	"context"
	"time"
)

// For waits for d or until ctx is done. It reports whether ctx is not done.
func For(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

const (
	firstPause   = 50 * time.Millisecond // after the first attempt; the next ones double
	longestPause = 2 * time.Second
	reportEvery  = time.Minute
)

// Patience says how Try repeats an action. It holds no state.
type Patience struct {
	// Most bounds the time from the first attempt to the last. 0 means until the context is done.
	Most time.Duration
	// Passes reports whether the action may succeed later although it failed with this error.
	Passes func(error) bool
	// Report is called with the error when the wait begins, then once a minute, and with nil and the
	// length of the wait when the action succeeds after all. It may be nil.
	Report func(err error, waited time.Duration)
}

// Try runs action until it succeeds or fails with an error that does not pass, for as long as p
// allows. It returns the last error of the action. The action runs at least once.
func (p Patience) Try(ctx context.Context, action func() error) error {
	began := time.Now()
	var reported time.Time
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := action()
		if err == nil || !p.Passes(err) {
			if err == nil && !reported.IsZero() {
				p.report(nil, began)
			}
			return err
		}
		if time.Since(reported) >= reportEvery {
			p.report(err, began)
			reported = time.Now()
		}
		if p.Most > 0 && time.Since(began)+pause > p.Most || !For(ctx, pause) {
			return err
		}
	}
}

func (p Patience) report(err error, began time.Time) {
	if p.Report != nil {
		p.Report(err, time.Since(began).Round(time.Millisecond))
	}
}
