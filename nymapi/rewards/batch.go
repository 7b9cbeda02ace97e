package rewards

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
)

// batch submits what was measured in an epoch in progress, once, and returns the time until the
// next step. It does so as soon as the last tick is measured, or with what there is when half of
// the time after it is over: nothing that comes after the batch counts. next is when there is more
// to measure.
func (r *Distributor) batch(ctx context.Context, e epoch.Entry, now, next contract.Millis) (time.Duration, error) {
	d := e.Description
	if e.Over(now) {
		r.sent[d.Epoch] = true
		r.Logger.WarnContext(ctx, "epoch ended before its batch was accepted: nothing of it counts", "epoch", d.Epoch)
		return idle, nil
	}
	complete, last := next == d.End, r.Collector.LastTick(d)
	if latest := last + (d.End-last)/2; !complete && now < latest {
		return until(now, min(next, latest)), nil
	}
	s, err := r.own(ctx, d)
	if err != nil {
		return 0, err
	}
	posting, cancel := context.WithTimeout(ctx, until(now, d.End))
	defer cancel()
	answer, err := r.Batch(posting, s)
	if err != nil && ctx.Err() == nil && !delivered(err) {
		return r.batchFailed(ctx, d, now, err), nil
	}
	r.sent[d.Epoch] = ctx.Err() == nil
	if !complete {
		r.Logger.WarnContext(ctx, "batch submitted before all ticks were measured: later ones do not count", "epoch", d.Epoch)
	}
	r.Logger.InfoContext(ctx, "batch submitted", "epoch", d.Epoch, "values", answer.Accepted)
	return idle, nil
}

// delivered reports whether a batch is refused because the contract has one already: an answer was
// lost, or this Nym-API was restarted.
func delivered(err error) bool {
	var problem *contract.Problem
	return errors.As(err, &problem) && problem.Kind() == contract.BatchRefused && strings.HasPrefix(problem.Detail, string(performance.StaleSubmission))
}

// batchFailed returns the time until the next try, which is soon if the epoch ends soon.
func (r *Distributor) batchFailed(ctx context.Context, d contract.Description, now contract.Millis, err error) time.Duration {
	var problem *contract.Problem
	if errors.As(err, &problem) && !problem.Temporary() {
		r.sent[d.Epoch] = true
		r.Logger.ErrorContext(ctx, "contract refused the batch", "epoch", d.Epoch, "err", err)
		return idle
	}
	r.Logger.WarnContext(ctx, "batch not delivered, trying again", "epoch", d.Epoch, "err", err)
	return min(tryAgain, max(20*time.Millisecond, until(now, d.End)/4))
}
