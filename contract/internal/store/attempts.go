package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// sealingMillis is how long before an annex is sealed an attempt may have been received that it
// does not hold, because it was stored later: a write waits for at most patience.
const sealingMillis = contract.Millis(2000)

// CheckAccepted compares the attempt that is shown as accepted with the receipt. The error wraps
// verify.ErrMismatch.
func (r *Reader) CheckAccepted(ctx context.Context, a verify.Audited) error {
	attempts, err := r.attempts(ctx, a.Description.Epoch)
	if err != nil {
		return err
	}
	attempts = slices.DeleteFunc(attempts, func(shown contract.Attempt) bool { return shown.Verdict != contract.VerdictAccepted })
	if a.Record.Status == contract.StatusMissed {
		if len(attempts) > 0 {
			return fmt.Errorf("%w: an accepted submission is shown of a missed epoch", verify.ErrMismatch)
		}
		return nil
	}
	if len(attempts) != 1 || attempts[0].Submitter != a.Receipt.Submitter || attempts[0].At != a.Receipt.AcceptedAt || attempts[0].Digest != a.Record.Submission {
		return fmt.Errorf("%w: the submission shown as accepted is not the one in the receipt, of %s", verify.ErrMismatch, a.Receipt.Submitter)
	}
	return nil
}

func (r *Reader) attempts(ctx context.Context, epoch contract.Epoch) (attempts []contract.Attempt, err error) {
	err = r.snapshot(ctx, func(tx *sqlx.Tx) error {
		attempts, err = readAttempts(ctx, tx, int64(epoch))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read submissions for epoch %d: %w", epoch, err)
	}
	return attempts, nil
}

// CheckAttempts compares the submissions that are shown as late or invalid with the annex of the
// epoch. What came after it was sealed is not in it. The error wraps verify.ErrMismatch.
func (r *Reader) CheckAttempts(ctx context.Context, annex contract.Annex) error {
	attempts, err := r.attempts(ctx, annex.Epoch)
	if err != nil {
		return err
	}
	var dropped int64
	if err := r.db.GetContext(ctx, &dropped, `SELECT attempts_dropped FROM epoch WHERE id = ?`, int64(annex.Epoch)); err != nil {
		return fmt.Errorf("read submissions for epoch %d: %w", annex.Epoch, err)
	}
	if dropped < int64(annex.Dropped) {
		return fmt.Errorf("%w: %d submissions shown that are only counted, the annex has %d", verify.ErrMismatch, dropped, annex.Dropped)
	}
	late := map[contract.Hash]contract.Late{}
	for _, l := range annex.Late {
		late[l.Digest] = l
	}
	var rest []contract.Refused
	seen := map[contract.Hash]bool{}
	for _, shown := range attempts {
		l, is := late[shown.Digest]
		switch {
		case shown.Verdict == contract.VerdictAccepted:
		case is && (shown.Verdict != contract.VerdictLate || shown.Submitter != l.Submitter):
			return fmt.Errorf("%w: a submission shown as %s, of %s, is a late one of %s", verify.ErrMismatch, shown.Verdict, shown.Submitter, l.Submitter)
		case is:
			seen[shown.Digest] = seen[shown.Digest] || shown.At == l.ReceivedAt
		default:
			rest = append(rest, refusedOf(shown))
		}
	}
	for digest, l := range late {
		if !seen[digest] && dropped == 0 {
			return fmt.Errorf("%w: the late submission of %s at %s is not shown", verify.ErrMismatch, l.Submitter, l.ReceivedAt)
		}
	}
	return compareRefused(rest, annex)
}

func refusedOf(a contract.Attempt) contract.Refused {
	return contract.Refused{
		Submitter: a.Submitter, ReceivedAt: a.At, Digest: a.Digest, Bytes: uint32(a.Bytes), Verdict: a.Verdict, Type: a.Type, Reason: cut(a.Reason, contract.MaxReasonBytes),
	}
}

// compareRefused compares refused submissions without regard to their order.
func compareRefused(shown []contract.Refused, annex contract.Annex) error {
	left := map[contract.Refused]int{}
	for _, refused := range annex.Refused {
		left[refused]++
	}
	for _, refused := range shown {
		if left[refused] > 0 {
			left[refused]--
		} else if refused.ReceivedAt+sealingMillis < annex.SealedAt {
			return fmt.Errorf("%w: a submission of %s shown as %s is not in the annex", verify.ErrMismatch, refused.Submitter, refused.Verdict)
		}
	}
	for _, refused := range annex.Refused {
		if left[refused] > 0 {
			return fmt.Errorf("%w: the %s submission of %s at %s is not shown", verify.ErrMismatch, refused.Verdict, refused.Submitter, refused.ReceivedAt)
		}
	}
	return nil
}

// CheckSpread compares how many late submissions are shown, and how far apart they pay, with the
// annex of the epoch. The error wraps verify.ErrMismatch.
func (r *Reader) CheckSpread(ctx context.Context, a verify.Audited, annex contract.Annex) error {
	// An earlier version may have made the database, and settled its first epochs.
	if known, err := has(ctx, r.db, "submitted"); err != nil || !known {
		return err
	}
	var kept []struct {
		Late   int            `db:"late"`
		Spread metrics.Uptime `db:"spread"`
	}
	var first int64
	err := r.db.SelectContext(ctx, &kept, `SELECT late, spread FROM submitted WHERE epoch = ?`, int64(annex.Epoch))
	if err == nil {
		err = r.db.GetContext(ctx, &first, `SELECT coalesce(min(epoch), ?1 + 1) FROM submitted`, int64(annex.Epoch))
	}
	if err != nil {
		return fmt.Errorf("read the spread of epoch %d: %w", annex.Epoch, err)
	}
	if len(kept) == 0 && (len(annex.Late) == 0 || int64(annex.Epoch) < first) {
		return nil
	}
	spread, err := r.recomputeSpread(ctx, a, annex)
	if err != nil {
		return err
	}
	if len(kept) != 1 || kept[0].Late != len(annex.Late) || kept[0].Spread != spread {
		return fmt.Errorf("%w: the spread shown is not that of the %d late submissions in the annex, %d hundredths", verify.ErrMismatch, len(annex.Late), spread)
	}
	return nil
}

// recomputeSpread returns 0 for results that do not decode, as the check "late" says.
func (r *Reader) recomputeSpread(ctx context.Context, a verify.Audited, annex contract.Annex) (spread metrics.Uptime, err error) {
	d := a.Description
	var results []metrics.Result
	gaps := false
	for _, encoded := range annex.Results {
		result, err := metrics.DecodeResult(encoded, metrics.LimitsFor(len(d.Mixnodes)))
		if err != nil || len(result.Mixnodes) != len(a.Rewards) {
			return 0, nil
		}
		results, gaps = append(results, result), gaps || slices.Contains(result.Values, metrics.Missing)
	}
	values := verify.Values{}
	if gaps {
		err := r.snapshot(ctx, func(tx *sqlx.Tx) (err error) {
			values, err = newestValues(ctx, tx, d.Epoch, contract.Epoch(d.Rules.CarryLimit))
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("read values before epoch %d: %w", d.Epoch, err)
		}
	}
	known := payments{}
	for _, result := range results {
		spread = known.widen(a.Rewards, values.Fill(d, result))
	}
	return spread, nil
}
