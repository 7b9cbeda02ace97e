package server

import (
	"context"
	"errors"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Late submissions change nothing, and their answer says so whatever is in them. Until the epoch
// closes, the contract verifies one of each member nevertheless, and keeps it for the annex: it
// shows what another certified block would have paid, and who signed two reports.

// attempt is a submitter and an epoch.
type attempt struct {
	epoch     contract.Epoch
	submitter keys.Public
}

// late records a submission for an epoch that was rewarded with another one. It returns p, or the
// error of recording the attempt.
func (k *keeper) late(ctx context.Context, d contract.Description, f filing, p *contract.Problem) error {
	kept, err := k.store.HasLate(ctx, f.Epoch, f.Submitter)
	if err != nil {
		return err
	}
	closing, err := k.store.Closing(ctx, f.Epoch)
	if err != nil {
		return err
	}
	if kept || !k.wanted(d, f, closing) {
		return k.refuse(ctx, f, contract.VerdictLate, p)
	}
	_, err = k.evidence(ctx, d, f)
	var refusal *verify.Refusal
	switch {
	case errors.As(err, &refusal):
		return k.refuseAs(ctx, f, contract.VerdictInvalid, k.refusal(f, err), p)
	case err != nil:
		k.checked.Remove(attempt{f.Epoch, f.Submitter})
		return err
	}
	return k.keep(ctx, f, closing, p)
}

// wanted reports whether a late submission is verified, which it is once for a submitter and epoch.
// The epoch must be rewarded.
func (k *keeper) wanted(d contract.Description, f filing, closing contract.Millis) bool {
	k.mu.Lock()
	closed := k.now() >= closing
	k.mu.Unlock()
	if closed || d.Rules.Mode == contract.ModeNone || len(f.body) > verify.MaxLateBytes(d) {
		return false
	}
	before, _ := k.checked.ContainsOrAdd(attempt{f.Epoch, f.Submitter}, struct{}{})
	return !before
}

// keep stores a late submission that verified for the annex, unless the epoch has closed meanwhile:
// the lock is held, so that nothing is added to what is being sealed.
func (k *keeper) keep(ctx context.Context, f filing, closing contract.Millis, p *contract.Problem) error {
	k.mu.Lock()
	now := k.now()
	if now >= closing {
		k.mu.Unlock()
		return k.refuse(ctx, f, contract.VerdictLate, p)
	}
	err := k.store.PutLate(ctx, f.attempt(now, contract.VerdictLate, p))
	k.mu.Unlock()
	if err != nil {
		return err
	}
	p.Epoch = f.Epoch
	k.verified.Remove(f.digest)
	k.log.Info("late submission kept", "epoch", f.Epoch, "from", k.name(f.Submitter))
	return p
}
