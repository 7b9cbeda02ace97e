package rewards

import (
	"context"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

// Run calls wake, a node's Wake, when an answer of the application may have changed without a
// message: the calendar has news, an epoch ended, its deadline or grace time passed. It says why
// nothing was submitted for a settled epoch. It ends with ctx and returns nil.
func (a *Application) Run(ctx context.Context, wake func()) error {
	said := map[contract.Epoch]bool{}
	for {
		changed := a.config.Calendar.Changed()
		a.settle(ctx, said)
		wake()
		timer := time.NewTimer(a.pause())
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// idle is the longest pause: nothing is to be expected but news of the calendar.
const idle = time.Hour

// pause returns how long it is to the next moment at which time alone changes an answer.
func (a *Application) pause() time.Duration {
	now, known := a.config.Calendar.Now()
	if !known {
		return idle
	}
	pause := idle
	for _, e := range a.config.Calendar.Epochs() {
		if e.Settled() {
			continue
		}
		window := rules.WindowOf(e.Description)
		for _, moment := range []contract.Millis{window.End, window.Deadline(), window.Grace()} {
			if moment > now {
				pause = min(pause, until(now, moment))
			}
		}
	}
	return pause
}

// settle forgets the reports of settled epochs, and explains once why nothing was submitted. Said
// holds epochs of the calendar only.
func (a *Application) settle(ctx context.Context, said map[contract.Epoch]bool) {
	entries := a.config.Calendar.Epochs()
	known := make(map[contract.Epoch]bool, len(entries))
	for _, e := range entries {
		id := e.Description.Epoch
		known[id] = true
		if !e.Settled() || said[id] {
			continue
		}
		said[id] = true
		a.explain(ctx, e)
		a.arrivals.forget(id)
	}
	for id := range said {
		if !known[id] {
			delete(said, id)
		}
	}
}

// explain logs why there is no submission for a settled epoch.
func (a *Application) explain(ctx context.Context, e epoch.Entry) {
	id := e.Description.Epoch
	if _, err := a.config.Store.Submission(ctx, id); err == nil {
		return
	}
	if _, err := a.config.Store.Report(ctx, id); err != nil {
		return // it was settled before this Nym-API took part
	}
	a.config.Logger.InfoContext(ctx, "own block was not certified before the epoch was settled: nothing is submitted",
		"epoch", id, "status", e.Status, "contract", e.Reason,
		"reports", a.arrivals.count(id), "needed", quorum.Correct(a.config.Group.N()), "members", a.config.Group.N())
}
