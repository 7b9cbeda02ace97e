package rewards

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

// SubmissionContract is the part of client.Client that a Submitter uses.
type SubmissionContract interface {
	// Submit posts a submission. If the contract refuses it the error is a *contract.Problem. Any
	// other error means that there was no valid response.
	Submit(ctx context.Context, s contract.Submission) (contract.Receipt, error)
	// EpochDetail returns the state of an epoch.
	EpochDetail(ctx context.Context, id contract.Epoch) (contract.EpochDetail, error)
}

// Submitter posts the pending submissions in the database until the contract has decided. Create it
// with NewSubmitter.
type Submitter struct {
	Key      keys.Public // of this Nym-API
	Store    *Store
	Calendar Calendar
	Contract SubmissionContract
	// Staged makes members submit one after the other, in an order drawn for each epoch (see Place),
	// and only if the epoch is still open. Otherwise they race.
	Staged bool
	Logger *slog.Logger

	notify chan struct{}
}

// NewSubmitter returns a submitter with these fields.
func NewSubmitter(s Submitter) *Submitter {
	s.notify = make(chan struct{}, 1)
	return &s
}

// Notify announces a new submission in the database. It never blocks.
func (s *Submitter) Notify() {
	select {
	case s.notify <- struct{}{}:
	default: // a notification is already pending
	}
}

// Run submits until ctx is done, and then returns nil. It returns only errors of the database.
// Submissions do not wait for each other: there is at most one for each open epoch.
func (s *Submitter) Run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		started := map[contract.Epoch]bool{}
		for {
			pending, err := s.Store.Pending(ctx)
			if err != nil && ctx.Err() == nil {
				return err
			}
			still := make(map[contract.Epoch]bool, len(pending))
			for _, p := range pending {
				still[p.Epoch] = true
				if !started[p.Epoch] {
					work.Go(func() error { return s.submit(ctx, p) })
				}
			}
			started = still
			select {
			case <-s.notify:
			case <-ctx.Done():
				return nil
			}
		}
	})
	if err := work.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// submit posts a submission until it has an outcome or ctx is done.
func (s *Submitter) submit(ctx context.Context, p Submission) error {
	decoded, err := contract.DecodeSubmission(p.Body, len(p.Body))
	if err != nil {
		return s.settle(ctx, p, Refused, fmt.Sprintf("the stored submission is damaged: %s", err), nil)
	}
	if decided, err := s.awaitTurn(ctx, p, decoded); decided || err != nil {
		return err
	}
	retry, silent := newRetry(), false
	for ctx.Err() == nil {
		changed := s.Calendar.Changed()
		receipt, err := s.Contract.Submit(ctx, decoded)
		if outcome, reason := judge(decoded, receipt, err); outcome != Pending {
			var problem *contract.Problem
			if errors.As(err, &problem) && problem.Winner != nil {
				if err := s.Store.SetWinner(ctx, p.Epoch, *problem.Winner); err != nil {
					return err
				}
			}
			return s.settle(ctx, p, outcome, reason, &receipt)
		}
		wait := retry.NextBackOff()
		var problem *contract.Problem
		if errors.As(err, &problem) {
			wait = max(problem.RetryAfter(), wait)
		} else if !silent && ctx.Err() == nil {
			silent = true
			s.Logger.WarnContext(ctx, "submission not delivered, retrying", "epoch", p.Epoch, "err", err)
		}
		pause(ctx, wait, changed)
	}
	return nil
}

// newRetry returns the pauses between tries: 50 ms to 5 s, doubling, with jitter and without limit.
func newRetry() *backoff.ExponentialBackOff {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval, retry.Multiplier = 50*time.Millisecond, 5*time.Second, 2
	return retry
}

// pause waits, but returns early if the calendar changes, because an earlier epoch may be settled.
func pause(ctx context.Context, wait time.Duration, changed <-chan struct{}) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-ctx.Done():
	}
}

// awaitTurn waits for this member's turn if submissions are staged. It returns true if the epoch
// was decided in the meantime.
func (s *Submitter) awaitTurn(ctx context.Context, p Submission, decoded contract.Submission) (bool, error) {
	d, known := s.Calendar.Description(decoded.Description)
	if !s.Staged || !known {
		return false, nil
	}
	place := Place(decoded.Description, d.Group.Members(), s.Key)
	for ctx.Err() == nil {
		changed := s.Calendar.Changed()
		if entry, ok := entryOf(s.Calendar, p.Epoch); ok && entry.Settled() {
			return true, s.settleBy(ctx, p, entry.Status, entry.Winner, entry.Reason)
		}
		now, known := s.Calendar.Now()
		if moment := rules.WindowOf(d).Turn(p.Made, place); known && now < moment {
			pause(ctx, until(now, moment), changed)
			continue
		}
		break
	}
	detail, err := s.Contract.EpochDetail(ctx, p.Epoch)
	if err != nil || detail.Status == contract.StatusOpen {
		return false, nil // post the submission
	}
	return true, s.settleBy(ctx, p, detail.Status, detail.Winner, detail.Reason)
}

func entryOf(calendar Calendar, id contract.Epoch) (epoch.Entry, bool) {
	for _, e := range calendar.Epochs() {
		if e.Description.Epoch == id {
			return e, true
		}
	}
	return epoch.Entry{}, false
}

// settleBy settles a submission that was not sent because the epoch is settled.
func (s *Submitter) settleBy(ctx context.Context, p Submission, status contract.Status, winner *contract.Winner, reason string) error {
	if status == contract.StatusMissed {
		return s.settle(ctx, p, Closed, reason, nil)
	}
	if winner != nil {
		reason = "not sent: " + winner.Name + " was first"
		if err := s.Store.SetWinner(ctx, p.Epoch, *winner); err != nil {
			return err
		}
	}
	return s.settle(ctx, p, Late, reason, nil)
}

// judge returns the outcome that follows from the contract's response, Pending to try again.
func judge(s contract.Submission, receipt contract.Receipt, err error) (Outcome, string) {
	var problem *contract.Problem
	switch {
	case err == nil:
		if !receipt.Verify() || receipt.Contract != s.Contract || receipt.Epoch != s.Epoch || receipt.Submitter != s.Submitter ||
			receipt.Description != s.Description {
			return Refused, "the receipt is not signed by the contract for this submission"
		}
		return Accepted, ""
	case !errors.As(err, &problem), problem.Temporary(), errors.Is(err, contract.NotOver):
		return Pending, ""
	case errors.Is(err, contract.Decided):
		return Late, problem.Error()
	case errors.Is(err, contract.Missed):
		return Closed, problem.Error()
	}
	return Refused, problem.Error()
}

func (s *Submitter) settle(ctx context.Context, p Submission, outcome Outcome, reason string, receipt *contract.Receipt) error {
	now, _ := s.Calendar.Now()
	var encoded []byte
	level := slog.LevelInfo
	switch outcome {
	case Accepted:
		encoded = receipt.Encode()
	case Refused:
		level = slog.LevelError
	}
	if err := s.Store.Settle(ctx, p.Epoch, outcome, reason, encoded, now); err != nil {
		return err
	}
	s.Logger.Log(ctx, level, "submission settled", "epoch", p.Epoch, "outcome", outcome, "reason", reason)
	s.Calendar.Poke()
	return nil
}
