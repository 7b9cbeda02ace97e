package rewards

import (
	"context"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

// Run calls wake, the Wake of a node, when a decision of the application may have changed without a
// new message: the calendar changed, an epoch ended, or its deadline or grace period passed. It
// also logs why nothing was submitted for a settled epoch. It returns nil when ctx is done.
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

// idle is the longest pause. A change of the calendar ends it early.
const idle = time.Hour

// pause returns the time until the next moment at which a decision may change.
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

// settle forgets the reports of settled epochs and logs once why nothing was submitted. Said holds
// only epochs of the calendar.
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
	a.config.Logger.InfoContext(ctx, "nothing submitted: own block was not certified in time",
		"epoch", id, "status", e.Status, "contract", e.Reason,
		"reports", a.arrivals.count(id), "needed", quorum.Correct(a.config.Group.N()), "members", a.config.Group.N())
}
