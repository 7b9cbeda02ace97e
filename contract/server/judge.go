package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/ledger"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// A submission goes through these steps, cheap ones first: can it be read (400), has a key signed
// it that may submit (403), is the epoch decided (409), is it over (422), does the evidence prove
// the result (422), are all earlier epochs settled (503). The checks of time are repeated under the
// lock under which the winner is stored.

// filing is a submission on its way through the checks.
type filing struct {
	contract.Submission
	body   []byte // as received
	digest contract.Hash
}

// submit judges a submission. Errors are *contract.Problem, or the database's.
func (k *keeper) submit(ctx context.Context, body []byte) (contract.Receipt, error) {
	s, err := contract.DecodeSubmission(body, len(body))
	if err != nil {
		return contract.Receipt{}, contract.NewProblem(contract.Malformed, err.Error())
	}
	f := filing{Submission: s, body: body, digest: contract.Digest(body)}
	d, err := k.description(ctx, s.Epoch)
	if err != nil {
		return contract.Receipt{}, err
	}
	if err := verify.Sender(d, s); err != nil {
		return contract.Receipt{}, k.refusal(f, err)
	}
	switch standing, wait, err := k.stand(ctx, s.Epoch); {
	case err != nil:
		return contract.Receipt{}, err
	case standing == ledger.Settled:
		return k.settled(ctx, d, f)
	case standing == ledger.NotOver:
		return contract.Receipt{}, k.notOver(ctx, f, wait)
	}
	verified, err := k.check(ctx, d, f)
	if err != nil {
		return contract.Receipt{}, err
	}
	return k.decide(ctx, d, f, verified)
}

// description returns the description that says who may submit: the epoch's own, or the newest one
// for an epoch that has not begun.
func (k *keeper) description(ctx context.Context, epoch contract.Epoch) (contract.Description, error) {
	k.mu.Lock()
	err := k.tick(ctx, k.now())
	newest := k.newest
	k.mu.Unlock()
	switch {
	case err != nil:
		return contract.Description{}, err
	case newest.Epoch == 0:
		return contract.Description{}, k.notStarted()
	case epoch >= newest.Epoch:
		return newest, nil
	}
	return k.store.Description(ctx, epoch)
}

func (k *keeper) notStarted() error {
	p := contract.NewProblem(contract.NotStarted, "not all members have enrolled")
	p.RetryAfterMS = time.Second.Milliseconds()
	return p
}

func (k *keeper) stand(ctx context.Context, epoch contract.Epoch) (ledger.Standing, time.Duration, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if err := k.tick(ctx, now); err != nil {
		return 0, 0, err
	}
	standing, wait := k.ledger.Stand(epoch, now)
	return standing, wait, nil
}

// check verifies the evidence, and records the attempt if it does not prove the result.
func (k *keeper) check(ctx context.Context, d contract.Description, f filing) (verify.Verified, error) {
	verified, err := k.evidence(ctx, d, f)
	var refusal *verify.Refusal
	if errors.As(err, &refusal) {
		err = k.refuse(ctx, f, contract.VerdictInvalid, k.refusal(f, err))
	}
	return verified, err
}

// evidence verifies the evidence, or returns what it has verified before. The error is a
// *verify.Refusal, or that of ctx.
func (k *keeper) evidence(ctx context.Context, d contract.Description, f filing) (verify.Verified, error) {
	if verified, known := k.verified.Get(f.digest); known {
		return verified, nil
	}
	select {
	case k.checking <- struct{}{}:
		defer func() { <-k.checking }()
	case <-ctx.Done():
		return verify.Verified{}, ctx.Err()
	}
	verified, err := verify.Evidence(d, f.Submission)
	if err == nil {
		k.verified.Add(f.digest, verified)
	}
	return verified, err
}

// decide makes a justified submission the winner if the epoch is still open.
func (k *keeper) decide(ctx context.Context, d contract.Description, f filing, verified verify.Verified) (contract.Receipt, error) {
	receipt, standing, wait, err := k.settle(ctx, d, f, verified)
	if err != nil {
		return contract.Receipt{}, err
	}
	switch standing {
	case ledger.Settled:
		return k.settled(ctx, d, f)
	case ledger.Waiting:
		p := contract.NewProblem(contract.EarlierOpen, fmt.Sprintf("epoch %d is decided after all earlier ones", f.Epoch))
		p.Epoch, p.RetryAfterMS = f.Epoch, wait.Milliseconds()
		return contract.Receipt{}, p
	case ledger.NotOver:
		return contract.Receipt{}, k.notOver(ctx, f, wait)
	}
	k.verified.Remove(f.digest)
	k.log.Info("epoch rewarded", "epoch", f.Epoch, "winner", k.name(f.Submitter), "block", receipt.Block.Short(),
		"after_end", receipt.AcceptedAt.Sub(d.End), "reporters", len(verified.Reporters), "signers", len(verified.Signers))
	return receipt, nil
}

// settle carries out what is due, and stores the winner of an epoch that is ready.
func (k *keeper) settle(ctx context.Context, d contract.Description, f filing, verified verify.Verified) (receipt contract.Receipt, standing ledger.Standing, wait time.Duration, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if err := k.tick(ctx, now); err != nil {
		return receipt, 0, 0, err
	}
	if standing, wait = k.ledger.Stand(d.Epoch, now); standing != ledger.Ready {
		return receipt, standing, wait, nil
	}
	var rewards []contract.Reward
	err = k.store.Settle(ctx, d, now, func(values verify.Values) store.Settlement {
		rewards = values.Fill(d, verified.Result)
		receipt = contract.Receipt{
			Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: verified.BlockID(),
			Rewards: contract.HashRewards(d.Network, d.Epoch, rewards), Submitter: f.Submitter, AcceptedAt: now,
		}.Sign(k.key)
		return store.Settlement{
			Block: verified.BlockID(), Matrix: verified.Matrix, Reporters: verified.Reporters, Signers: verified.Signers,
			Rewards: rewards, Receipt: receipt, Submission: f.body,
		}
	})
	if err != nil {
		k.poke() // the contract may have to stop
		return receipt, 0, 0, err
	}
	k.rewarded(d, now, len(verified.Reporters), rewards)
	return receipt, ledger.Ready, 0, nil
}

// rewarded records that an epoch has a durable winner. The lock must be held.
func (k *keeper) rewarded(d contract.Description, now contract.Millis, reporters int, rewards []contract.Reward) {
	k.ledger.Settle(d.Epoch)
	k.figures.rewarded(now.Sub(d.End), reporters, rewards)
	k.poke()
}

// settled answers for an epoch that is rewarded or missed: with the receipt if this is the winning
// submission again, and otherwise with a refusal.
func (k *keeper) settled(ctx context.Context, d contract.Description, f filing) (contract.Receipt, error) {
	won, err := k.store.Winning(ctx, f.Epoch)
	if errors.Is(err, store.ErrNotFound) {
		p := contract.NewProblem(contract.Missed, fmt.Sprintf("epoch %d was closed without a winner", f.Epoch))
		return contract.Receipt{}, k.refuse(ctx, f, contract.VerdictLate, p)
	}
	if err != nil {
		return contract.Receipt{}, err
	}
	if k.same(won, f) {
		return won.Receipt, nil
	}
	p := contract.NewProblem(contract.Decided, fmt.Sprintf("epoch %d was won by %s at %s", f.Epoch, k.name(won.Winner.Key), won.Winner.AcceptedAt))
	p.Winner = &won.Winner
	return contract.Receipt{}, k.late(ctx, d, f, p)
}

// same reports whether f is a retry of the winning submission: the same bytes, or the same block
// with a certificate that has grown since.
func (k *keeper) same(won store.Winning, f filing) bool {
	if won.Digest == f.digest {
		return true
	}
	if won.Winner.Key != f.Submitter || won.Winner.Block == (block.ID{}) {
		return false
	}
	k.mu.Lock()
	limits := k.newest.Group.Limits()
	k.mu.Unlock()
	b, err := block.Decode(f.Block, limits)
	return err == nil && b.ID() == won.Winner.Block
}

func (k *keeper) notOver(ctx context.Context, f filing, wait time.Duration) error {
	detail := fmt.Sprintf("epoch %d has not begun", f.Epoch)
	if wait > 0 {
		detail = fmt.Sprintf("epoch %d ends in %s", f.Epoch, wait)
	}
	p := contract.NewProblem(contract.NotOver, detail)
	p.RetryAfterMS = wait.Milliseconds()
	return k.refuse(ctx, f, contract.VerdictInvalid, p)
}

// refuse records the attempt and returns the problem, or the error of recording it. Attempts at
// epochs that have not begun are not recorded.
func (k *keeper) refuse(ctx context.Context, f filing, verdict contract.Verdict, p *contract.Problem) error {
	return k.refuseAs(ctx, f, verdict, p, p)
}

// refuseAs is refuse with another answer than what is recorded.
func (k *keeper) refuseAs(ctx context.Context, f filing, verdict contract.Verdict, p, answer *contract.Problem) error {
	answer.Epoch = f.Epoch
	k.mu.Lock()
	now, begun := k.now(), f.Epoch <= k.newest.Epoch
	k.mu.Unlock()
	k.log.Info("submission refused", "epoch", f.Epoch, "from", k.name(f.Submitter), "verdict", verdict, "reason", p.Detail)
	if !begun {
		return answer
	}
	if err := k.store.PutAttempt(ctx, f.attempt(now, verdict, p)); err != nil {
		return err
	}
	return answer
}

// attempt returns what is recorded about a refused submission.
func (f filing) attempt(at contract.Millis, verdict contract.Verdict, p *contract.Problem) store.Attempt {
	return store.Attempt{Epoch: f.Epoch, Submitter: f.Submitter, At: at, Verdict: verdict, Type: p.Type, Reason: p.Detail, Submission: f.body}
}

// refusal returns the problem for an error of package verify.
func (k *keeper) refusal(f filing, err error) *contract.Problem {
	kind := contract.Internal
	var refusal *verify.Refusal
	if errors.As(err, &refusal) {
		kind = refusal.Kind
	}
	p := contract.NewProblem(kind, err.Error())
	p.Epoch = f.Epoch
	return p
}

// bodyLimit returns the largest size of a submission.
func (k *keeper) bodyLimit() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.newest.Group == nil {
		return math.MaxUint16 // nothing is accepted yet
	}
	return int64(contract.MaxSubmissionBytes(k.newest.Group, max(len(k.newest.Mixnodes), len(k.cfg.Mixnodes))))
}

// batchLimit returns the largest size of a batch.
func (k *keeper) batchLimit() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return int64(contract.MaxBatchBytes(max(len(k.newest.Mixnodes), len(k.cfg.Mixnodes))))
}
