package rewards

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
)

// Distributor measures the epochs of the calendar. When an epoch is over it publishes the averages
// as a signed report through Ephemera, or submits them as the result without Ephemera. All fields
// but Report must be set; Publish and Submit only where they are used.
type Distributor struct {
	Key       block.Signer // of this Nym-API
	Store     *Store
	Calendar  Calendar
	Collector *collector.Collector
	// Single means that this Nym-API is the only one and its averages are the result.
	Single bool
	// Report replaces an honest report before it is signed, for simulated liars. It may be nil.
	Report func(contract.Description, metrics.Report) metrics.Report
	// Publish passes a report to the node. It may be called again with the same message.
	Publish func(context.Context, contract.Description, block.Message) error
	// Submit notifies the Submitter of a new submission. It must not block.
	Submit func()
	// Batch submits what was measured before the epoch ends, to a contract in
	// contract.ModePerformance. In the other modes it is nil.
	Batch func(context.Context, contract.Submission) (contract.BatchAnswer, error)
	// Retention is the time for which samples are kept after their report.
	Retention time.Duration
	Logger    *slog.Logger

	sent   map[contract.Epoch]bool // reported since the start
	newest contract.Epoch
}

// tryAgain is the pause after measuring or publishing failed.
const tryAgain = time.Second

// Run measures and reports until ctx is done, and then returns nil. It returns only errors of the
// database.
func (r *Distributor) Run(ctx context.Context) error {
	r.sent = map[contract.Epoch]bool{}
	for {
		changed := r.Calendar.Changed()
		wait, err := r.step(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		pause(ctx, wait, changed)
	}
}

// step does what is due and returns the time until the next step.
func (r *Distributor) step(ctx context.Context) (time.Duration, error) {
	now, known := r.Calendar.Now()
	if !known {
		return idle, nil
	}
	wait := idle
	entries := r.Calendar.Epochs()
	for _, e := range entries {
		if e.Settled() || r.sent[e.Description.Epoch] {
			continue
		}
		next, err := r.epoch(ctx, e, now)
		if err != nil {
			return 0, err
		}
		wait = min(wait, next)
	}
	return wait, r.forget(ctx, entries, now)
}

// epoch does what is due for one epoch and returns the time until the next step. It returns only
// errors of the database.
func (r *Distributor) epoch(ctx context.Context, e epoch.Entry, now contract.Millis) (time.Duration, error) {
	d := e.Description
	next, err := r.Collector.CatchUp(ctx, d, now)
	if err != nil {
		if ctx.Err() != nil {
			return 0, nil
		}
		r.Logger.WarnContext(ctx, "tick not measured", "epoch", d.Epoch, "err", err)
		next = now.Add(tryAgain)
	}
	if r.Batch != nil {
		return r.batch(ctx, e, now, next)
	}
	if err != nil && !e.Over(now) {
		return min(tryAgain, until(now, d.End)), nil
	}
	if !e.Over(now) {
		return until(now, next), nil
	}
	if r.Single {
		return idle, r.submit(ctx, d)
	}
	return r.report(ctx, e, now)
}

// measured returns the report about an ended epoch.
func (r *Distributor) measured(ctx context.Context, d contract.Description, hash contract.Hash) (metrics.Report, error) {
	values, err := r.Collector.Averages(ctx, d)
	if err != nil {
		return metrics.Report{}, err
	}
	report := metrics.Report{Description: hash, Mixnodes: d.Mixnodes, Values: values}
	if r.Report != nil {
		report = r.Report(d, report)
	}
	return report, nil
}

// report publishes the only report about an epoch: the one signed before, or a new one, which is
// stored before it is published.
func (r *Distributor) report(ctx context.Context, e epoch.Entry, now contract.Millis) (time.Duration, error) {
	m, err := r.signed(ctx, e, now)
	if err != nil {
		return 0, err
	}
	err = r.Publish(ctx, e.Description, m)
	switch {
	case ctx.Err() != nil:
		return 0, nil
	case err == nil:
		r.Logger.InfoContext(ctx, "report sent", "epoch", e.Description.Epoch, "message", m.ID().String()[:8])
	case errors.Is(err, block.ErrInvalid), errors.Is(err, ephemera.ErrRefused):
		r.Logger.ErrorContext(ctx, "node refused the report", "epoch", e.Description.Epoch, "err", err)
	default:
		r.Logger.WarnContext(ctx, "node did not accept the report, trying again", "epoch", e.Description.Epoch, "err", err)
		return tryAgain, nil
	}
	r.sent[e.Description.Epoch] = true
	return idle, nil
}

// signed returns the stored message with the report, or signs and stores a new one.
func (r *Distributor) signed(ctx context.Context, e epoch.Entry, now contract.Millis) (block.Message, error) {
	d := e.Description
	limit := d.Group.Limits().PayloadBytes
	stored, err := r.Store.Report(ctx, d.Epoch)
	if err == nil {
		return block.DecodeMessage(stored, limit)
	}
	if !errors.Is(err, ErrNotFound) {
		return block.Message{}, err
	}
	report, err := r.measured(ctx, d, e.Hash)
	if err != nil {
		return block.Message{}, err
	}
	payload, err := report.Encode()
	if err != nil {
		return block.Message{}, fmt.Errorf("report epoch %d: %w", d.Epoch, err)
	}
	m, err := block.NewMessage(r.Key, d.Network, d.Label(), payload, time.Now().UnixMilli())
	if err != nil {
		return block.Message{}, fmt.Errorf("report epoch %d: %w", d.Epoch, err)
	}
	if stored, err = r.Store.KeepReport(ctx, d.Epoch, m.Encode(), now); err != nil {
		return block.Message{}, err
	}
	return block.DecodeMessage(stored, limit)
}

// submit stores the averages of the authorised Nym-API as its submission.
func (r *Distributor) submit(ctx context.Context, d contract.Description) error {
	r.sent[d.Epoch] = true
	if d.Rules.Mode == contract.ModeSingle && d.Rules.Authorised != r.Key.Public() {
		r.Logger.WarnContext(ctx, "not submitting: another Nym-API is authorised", "epoch", d.Epoch, "authorised", d.Rules.Authorised)
		return nil
	}
	if _, err := r.Store.Submission(ctx, d.Epoch); !errors.Is(err, ErrNotFound) {
		return err
	}
	submission, err := r.own(ctx, d)
	if err != nil {
		return err
	}
	now, _ := r.Calendar.Now()
	if _, err := r.Store.AddSubmission(ctx, Submission{Epoch: d.Epoch, Body: submission.Encode(), Made: now}, nil); err != nil {
		return err
	}
	r.Submit()
	return nil
}

// own returns what this Nym-API has measured in an epoch as a submission without evidence.
func (r *Distributor) own(ctx context.Context, d contract.Description) (contract.Submission, error) {
	report, err := r.measured(ctx, d, d.Hash())
	if err != nil {
		return contract.Submission{}, err
	}
	result := metrics.Result{Mixnodes: report.Mixnodes, Values: report.Values, Reports: make([]uint16, len(report.Values))}
	for i, value := range report.Values {
		if value != metrics.Missing {
			result.Reports[i] = 1
		}
	}
	return contract.NewSubmission(r.Key, d, result, nil)
}

// forget drops what is not needed for epochs before those of the calendar, once for each new epoch.
func (r *Distributor) forget(ctx context.Context, entries []epoch.Entry, now contract.Millis) error {
	if len(entries) == 0 || entries[len(entries)-1].Description.Epoch == r.newest {
		return nil
	}
	r.newest = entries[len(entries)-1].Description.Epoch
	oldest := entries[0].Description
	for id := range r.sent {
		if id < oldest.Epoch {
			delete(r.sent, id)
		}
	}
	keep := r.Retention
	for _, e := range entries {
		if !e.Settled() {
			keep = max(keep, now.Sub(e.Description.Start))
		}
	}
	return r.Collector.Forget(ctx, oldest.Epoch, now, keep)
}
