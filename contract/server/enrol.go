package server

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// enrol admits a new member, or takes over the new addresses of a known one. Errors are
// *contract.Problem, or the database's.
func (k *keeper) enrol(ctx context.Context, r contract.EnrolRequest) (contract.EnrolAnswer, error) {
	if err := r.Check(); err != nil {
		return contract.EnrolAnswer{}, contract.NewProblem(contract.Malformed, err.Error())
	}
	if subtle.ConstantTimeCompare([]byte(r.Token), []byte(k.cfg.Token)) != 1 {
		return contract.EnrolAnswer{}, contract.NewProblem(contract.WrongToken, fmt.Sprintf("%s did not give the token of this contract; start it with the --token of the contract", r.Name))
	}
	if !r.Verify(k.cfg.Network, k.key.Public()) {
		return contract.EnrolAnswer{}, contract.NewProblem(contract.BadSignature, fmt.Sprintf("the enrolment of %s is not signed by %s for this contract", r.Name, r.Key))
	}
	// The last member's enrolment closes the group and schedules the first epoch. A caller that leaves
	// meanwhile, such as one that is killed, must not leave that half done: no other enrolment
	// follows.
	ctx = context.WithoutCancel(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.admit(ctx, r.Enrolment); err != nil {
		return contract.EnrolAnswer{}, err
	}
	if err := k.complete(ctx, k.now()); err != nil {
		return contract.EnrolAnswer{}, err
	}
	return contract.EnrolAnswer{Enrolled: len(k.members), Expected: k.cfg.expected(), Complete: k.group != nil}, nil
}

// admit stores the enrolment if every name keeps its key and every key its name. The lock must be
// held.
func (k *keeper) admit(ctx context.Context, e contract.Enrolment) error {
	member := store.Member{Peer: membership.Peer{Key: e.Key, Name: e.Name, Addresses: e.Addresses}, Counter: e.Counter}
	if known := k.memberByKey(e.Key); known != nil {
		switch {
		case known.Name != e.Name:
			return contract.NewProblem(contract.KeyTaken, fmt.Sprintf("this key is enrolled as %s, not as %s", known.Name, e.Name))
		case known.Counter == e.Counter && slices.Equal(known.Addresses, e.Addresses):
			return nil // a retry
		case e.Counter <= known.Counter:
			return contract.NewProblem(contract.StaleCounter, fmt.Sprintf("%s enrolled with counter %d before, so %d is too small", e.Name, known.Counter, e.Counter))
		}
		k.log.Info("member has new addresses", "name", e.Name, "addresses", e.Addresses)
		return k.putMember(ctx, member)
	}
	if known := k.memberByName(e.Name); known != nil {
		return contract.NewProblem(contract.NameTaken, fmt.Sprintf("%s is enrolled with another key: %s; choose another --name, or use the folder that holds this key", e.Name, known.Key))
	}
	if k.group != nil || len(k.members) >= k.cfg.expected() {
		return contract.NewProblem(contract.GroupComplete, fmt.Sprintf("all %d members have enrolled, %s is one too many", len(k.members), e.Name))
	}
	if err := k.putMember(ctx, member); err != nil {
		return err
	}
	k.log.Info("member enrolled", "name", e.Name, "key", e.Key, "enrolled", len(k.members), "expected", k.cfg.expected())
	return nil
}
