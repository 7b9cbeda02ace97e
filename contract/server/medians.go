package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// In ModePerformance members submit batches while the epoch is in progress, and the contract pays
// the medians when it ends. Batches are kept with their signatures until then, so that a restart
// loses none. What remains of them are values without names, as in Nym's contract.

// medianRules are the rules of each epoch in ModePerformance. A missing value looks back as far as
// Nym's contract does.
func medianRules() contract.Rules {
	estimator := metrics.Estimators()[1]
	return contract.Rules{Estimator: estimator.Name(), Version: estimator.Version(), Coverage: 1, CarryLimit: performance.LookBack, Mode: contract.ModePerformance}
}

// submitBatch applies a batch to the epoch in progress. Errors are *contract.Problem, or the
// database's.
func (k *keeper) submitBatch(ctx context.Context, body []byte) (contract.BatchAnswer, error) {
	s, err := contract.DecodeSubmission(body, len(body))
	if err != nil {
		return contract.BatchAnswer{}, contract.NewProblem(contract.Malformed, err.Error())
	}
	f := filing{Submission: s, body: body, digest: contract.Digest(body)}
	if !s.Verify() {
		return contract.BatchAnswer{}, contract.NewProblem(contract.BadSignature, fmt.Sprintf("the batch is not signed by %s", s.Submitter))
	}
	done, err := k.applyBatch(ctx, f)
	var refusal *performance.Refusal
	var unfit *verify.Refusal
	switch {
	case errors.As(err, &refusal):
		err = k.refuse(ctx, f, contract.VerdictInvalid, contract.NewProblem(contract.BatchRefused, err.Error()))
	case errors.As(err, &unfit):
		err = k.refuse(ctx, f, contract.VerdictInvalid, k.refusal(f, err))
	}
	if err != nil {
		return contract.BatchAnswer{}, err
	}
	k.log.Info("batch accepted", "epoch", f.Epoch, "from", k.name(f.Submitter), "values", done.Accepted)
	return contract.BatchAnswer{Epoch: f.Epoch, Accepted: done.Accepted}, nil
}

// applyBatch checks a batch, first by the rules that do not depend on its content, and stores it.
func (k *keeper) applyBatch(ctx context.Context, f filing) (performance.Batched, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if err := k.tick(ctx, now); err != nil {
		return performance.Batched{}, err
	}
	switch {
	case k.newest.Epoch == 0 || now < k.newest.Start:
		return performance.Batched{}, k.notStarted()
	case k.newest.Rules.Mode != contract.ModePerformance:
		p := contract.NewProblem(contract.BatchRefused, fmt.Sprintf("the contract takes no batches in mode %s", k.newest.Rules.Mode))
		return performance.Batched{}, p
	}
	rules, err := k.medians(ctx)
	if err != nil {
		return performance.Batched{}, err
	}
	if _, err := applied(rules, f.Submission, nil); err != nil {
		return performance.Batched{}, err
	}
	entries, err := verify.Batch(k.newest, f.Submission)
	if err != nil {
		return performance.Batched{}, err
	}
	done, err := applied(rules, f.Submission, entries)
	if err != nil || len(entries) == 0 { // an empty batch changes nothing
		return done, err
	}
	if err := k.store.PutBatch(ctx, f.Epoch, f.body); err != nil {
		k.rules = nil // they have a batch that is not stored
		return done, err
	}
	return done, nil
}

// applied applies a batch to the rules. Without entries it only checks sender, epoch and status.
func applied(rules *performance.Contract, s contract.Submission, entries []performance.Entry) (performance.Batched, error) {
	return rules.Batch(performance.Address(s.Submitter.String()), epochID(s.Epoch), entries)
}

// epochID returns the number of an epoch for the rules. The last ones are the same number, which no
// contract reaches.
func epochID(epoch contract.Epoch) performance.EpochID {
	return performance.EpochID(min(epoch, contract.Epoch(performance.LastEpoch)))
}

// medians returns the rules with the batches of the newest epoch. The lock must be held.
func (k *keeper) medians(ctx context.Context) (*performance.Contract, error) {
	if k.rules != nil {
		return k.rules, nil
	}
	rules, err := k.replay(ctx, k.newest)
	k.rules = rules
	return rules, err
}

// replay returns the rules with the stored batches of an epoch. The members are its monitors and
// its mixnodes the bonded nodes, with the numbers that verify.Batch gives them.
func (k *keeper) replay(ctx context.Context, d contract.Description) (*performance.Contract, error) {
	start := performance.Start{Admin: "contract", Epoch: epochID(d.Epoch), Weights: performance.LivenessOnly()}
	for _, key := range d.Group.Members() {
		start.Monitors = append(start.Monitors, performance.Address(key.String()))
	}
	for i := range d.Mixnodes {
		start.Bonded = append(start.Bonded, performance.NodeID(i+1))
	}
	rules, err := performance.New(start)
	if err != nil {
		return nil, err
	}
	bodies, err := k.store.Batches(ctx, d.Epoch)
	if err != nil {
		return nil, err
	}
	for _, body := range bodies {
		s, err := contract.DecodeSubmission(body, len(body))
		if err != nil {
			return nil, fmt.Errorf("stored batch of epoch %d: %w", d.Epoch, err)
		}
		entries, err := verify.Batch(d, s)
		if err != nil {
			return nil, fmt.Errorf("stored batch of epoch %d: %w", d.Epoch, err)
		}
		if _, err := applied(rules, s, entries); err != nil {
			return nil, fmt.Errorf("stored batch of epoch %d: %w", d.Epoch, err)
		}
	}
	return rules, nil
}

// payMedians settles the ended epochs in ModePerformance, oldest first: their transition begins.
// The lock must be held.
func (k *keeper) payMedians(ctx context.Context, now contract.Millis) error {
	for {
		oldest, open := k.ledger.Oldest()
		if !open || now < oldest.End {
			return nil
		}
		if k.ended.Epoch != oldest.ID {
			d, err := k.store.Description(ctx, oldest.ID)
			if err != nil {
				return err
			}
			k.ended = d
		}
		if k.ended.Rules.Mode != contract.ModePerformance {
			return nil
		}
		if err := k.payMedian(ctx, k.ended, now); err != nil {
			return err
		}
	}
}

func (k *keeper) payMedian(ctx context.Context, d contract.Description, now contract.Millis) error {
	rules, err := k.replay(ctx, d)
	if err != nil {
		return err
	}
	raw, seen := make(contract.RawValues, len(d.Mixnodes)), 0 // seen: the most values for a mixnode
	for i := range raw {
		bundle, _ := rules.Bundle(epochID(d.Epoch), performance.NodeID(i+1))
		for _, percent := range bundle[performance.Liveness] {
			raw[i] = append(raw[i], byte(percent))
		}
		seen = max(seen, len(raw[i]))
	}
	result, err := verify.Performance(d, raw)
	if err != nil {
		return err
	}
	s, err := contract.NewSubmission(k.key, d, result, nil)
	if err != nil {
		return err
	}
	s.Block = raw.Encode()
	body := s.Sign(k.key).Encode()
	var rewards []contract.Reward
	err = k.store.Settle(ctx, d, now, func(values verify.Values) store.Settlement {
		rewards = values.Fill(d, result)
		receipt := contract.Receipt{
			Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Rewards: contract.HashRewards(d.Network, d.Epoch, rewards),
			Submitter: k.key.Public(), AcceptedAt: now,
		}.Sign(k.key)
		return store.Settlement{Rewards: rewards, Receipt: receipt, Submission: body}
	})
	if err != nil {
		return err
	}
	k.rewarded(d, now, seen, rewards)
	k.log.Info("epoch rewarded", "epoch", d.Epoch, "winner", "the contract", "after_end", now.Sub(d.End))
	return nil
}
