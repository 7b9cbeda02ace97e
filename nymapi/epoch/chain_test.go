package epoch_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
)

// ledger is a contract whose descriptions state what was settled up to two epochs before. Odd
// epochs are rewarded, even ones missed.
type ledger struct {
	*fakeContract

	mu     sync.Mutex
	states []contract.State // after each epoch from 0 on
	cores  []contract.Core  // of each epoch from 1 on
	reason string           // why epochs are missed
	forge  func(id contract.Epoch, s *contract.State)
	swap   func(id contract.Epoch, c *contract.Core) error
}

func newLedger() *ledger {
	return &ledger{fakeContract: newFakeContract(), states: []contract.State{{}}, reason: "nobody submitted"}
}

// description returns that of an epoch as an honest contract makes it.
func (l *ledger) description(id contract.Epoch) contract.Description {
	for contract.Epoch(len(l.states))+1 < id {
		l.settle(contract.Epoch(len(l.states)))
	}
	d := l.describe(id)
	d.Version, d.State = contract.DescriptionVersion, l.states[max(id, 2)-2]
	return d
}

func (l *ledger) settle(id contract.Epoch) {
	d := l.description(id)
	r := contract.Record{
		Network: d.Network, Epoch: id, Previous: l.states[id-1].Record, Description: d.Hash(), Status: contract.StatusMissed, Reason: l.reason,
		SettledAt: d.End, Origin: contract.OriginSettlement,
	}
	c := contract.Core{Version: contract.CoreVersion, Description: d.Encode()}
	var verified verify.Verified
	if id%2 == 1 {
		s := contracttest.Submission(d, 1)
		verified, _ = verify.Submission(d, s)
		c.Submission, c.Rewards = s.Encode(), verify.Values{}.Fill(d, verified.Result)
		receipt := contract.Receipt{
			Network: d.Network, Epoch: id, Description: d.Hash(), Block: verified.BlockID(), Rewards: contract.HashRewards(d.Network, id, c.Rewards),
			Submitter: s.Submitter, AcceptedAt: d.End,
		}.Sign(contracttest.ContractKey())
		c.Receipt = receipt.Encode()
		r.Status, r.Reason, r.Rewards, r.Submission = contract.StatusRewarded, "", receipt.Rewards, contract.Digest(c.Submission)
	}
	r = r.Sign(contracttest.ContractKey())
	c.Record = r.Encode()
	l.cores, l.states = append(l.cores, c), append(l.states, l.states[id-1].After(r, d, verified.Matrix))
}

func (l *ledger) served(id contract.Epoch) contract.Description {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.description(id)
	if l.forge != nil {
		l.forge(id, &d.State)
	}
	return d
}

func (l *ledger) Epoch(ctx context.Context) (contract.CurrentEpoch, error) {
	answer, err := l.fakeContract.Epoch(ctx)
	answer.Description = l.served(answer.ID).Hash()
	return answer, err
}

func (l *ledger) EpochDetail(ctx context.Context, id contract.Epoch) (contract.EpochDetail, error) {
	answer, err := l.fakeContract.EpochDetail(ctx, id)
	answer.Description = l.served(id)
	return answer, err
}

func (l *ledger) core(_ context.Context, id contract.Epoch) (contract.Core, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.cores[id-1]
	if l.swap != nil {
		if err := l.swap(id, &c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// learn returns the epochs that a Nym-API has learnt after seven have begun, and its log.
func learn(t *testing.T, l *ledger, kept ...contract.Description) ([]contract.Epoch, string) {
	log := new(strings.Builder)
	clock, stop := run(t, epoch.Config{
		Contract: l, Store: &memoryStore{kept: kept}, Core: l.core, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	after(61 * time.Second)
	known := ids(clock)
	require.NoError(t, stop())
	return known, log.String()
}

func TestDescriptionsFollowFromTheEpochsBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known, log := learn(t, newLedger())
		require.Equal(t, []contract.Epoch{1, 2, 3, 4, 5, 6, 7}, known)
		require.NotContains(t, log, "WARN")
	})
}

// The first description is taken as it is, also that of a contract that is old.
func TestANewNymAPITakesTheFirstDescription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		<-time.After(95 * time.Second)
		for id := range contract.Epoch(9) {
			l.settled[id] = contract.StatusMissed
		}
		known, log := learn(t, l)
		require.Equal(t, []contract.Epoch{9, 10, 11, 12, 13, 14, 15, 16}, known)
		require.NotContains(t, log, "WARN")
	})
}

func TestDescriptionsThatDoNotFollowAreRefused(t *testing.T) {
	stranger := keys.FromSeed([32]byte{7}).Public()
	change := func(f func(*contract.State)) func(contract.Epoch, *contract.State) {
		return func(id contract.Epoch, s *contract.State) {
			if id >= 5 {
				f(s)
			}
		}
	}
	for name, c := range map[string]struct {
		forge func(contract.Epoch, *contract.State)
		swap  func(contract.Epoch, *contract.Core) error
		says  string
	}{
		"another record":        {forge: change(func(s *contract.State) { s.Record[0] ^= 1 }), says: "description after record"},
		"an older state":        {forge: change(func(s *contract.State) { *s = contract.State{Settled: 1, Record: s.Record} }), says: "it states what was settled up to epoch 1"},
		"a forged history":      {forge: change(func(s *contract.State) { s.History = []contract.Deviation{{Reporter: stranger}} }), says: "a history of 1 reporters"},
		"a removed epoch":       {swap: func(id contract.Epoch, c *contract.Core) error { return another(id, 3, c) }, says: "expected that of epoch 3"},
		"a core that is gone":   {swap: func(id contract.Epoch, _ *contract.Core) error { return gone(id, 3) }, says: "fetch the core of epoch 3"},
		"a core that is forged": {swap: func(id contract.Epoch, c *contract.Core) error { return forged(id, 3, c) }, says: "audit failed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLedger()
				l.forge, l.swap = c.forge, c.swap
				known, log := learn(t, l)
				require.Equal(t, []contract.Epoch{1, 2, 3, 4}, known)
				require.Contains(t, log, c.says)
				require.Equal(t, name != "a core that is gone", strings.Contains(log, "is refused"), "it may come later")
			})
		})
	}
}

func gone(id, which contract.Epoch) error {
	if id == which {
		return errors.New("not found")
	}
	return nil
}

// another makes a core that of the epoch before, as if this one had never been.
func another(id, which contract.Epoch, c *contract.Core) error {
	if id == which {
		l := newLedger()
		l.description(which + 2)
		*c = l.cores[which-2]
	}
	return nil
}

func forged(id, which contract.Epoch, c *contract.Core) error {
	if id == which {
		c.Rewards = append([]contract.Reward{}, c.Rewards...)
		c.Rewards[0].Value++
	}
	return nil
}

// A restarted Nym-API continues from the descriptions that it kept.
func TestARestartedNymAPIStillKnowsTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		kept := []contract.Description{l.served(1), l.served(2), l.served(3)}
		l.forge = func(id contract.Epoch, s *contract.State) {
			if id > 3 {
				s.Record[0] ^= 1
			}
		}
		known, log := learn(t, l, kept...)
		require.Equal(t, []contract.Epoch{1, 2, 3}, known)
		require.Contains(t, log, "description after record")
	})
}

// An operator decides whether a contract that lost its memory is to continue after another history.
func TestAnotherHistoryIsAcceptedOnceIfConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log := newLedger(), new(strings.Builder)
		kept := []contract.Description{l.served(1), l.served(2), l.served(3), l.served(4)}
		kept[3].State.Record[0] ^= 1 // of the history that the contract has lost
		clock, stop := run(t, epoch.Config{
			Contract: l, Store: &memoryStore{kept: kept}, Core: l.core, AcceptHistory: true, Logger: slog.New(slog.NewTextHandler(log, nil)),
		})
		after(61 * time.Second)
		require.Equal(t, []contract.Epoch{1, 2, 3, 4, 5, 6, 7}, ids(clock))
		require.Equal(t, 1, strings.Count(log.String(), "accepted as configured"))
		l.mu.Lock()
		l.forge = func(_ contract.Epoch, s *contract.State) { s.Record[0] ^= 1 }
		l.mu.Unlock()
		after(20 * time.Second)
		require.Equal(t, []contract.Epoch{1, 2, 3, 4, 5, 6, 7}, ids(clock), "a second one is not")
		require.NoError(t, stop())
	})
}

// What was checked of the lost history is not taken for a part of the other one.
func TestTheLostHistoryIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		clock, stop := run(t, epoch.Config{Contract: l, Store: &memoryStore{}, Core: l.core, AcceptHistory: true})
		after(35 * time.Second)
		require.Equal(t, []contract.Epoch{1, 2, 3, 4}, ids(clock))
		l.mu.Lock()
		l.states, l.cores, l.reason = l.states[:2], l.cores[:1], "lost"
		l.forge = func(id contract.Epoch, s *contract.State) {
			if id == 5 { // described before epoch 2 was settled again
				*s = l.states[1]
			}
		}
		l.mu.Unlock()
		after(30 * time.Second)
		require.Equal(t, []contract.Epoch{1, 2, 3, 4, 5, 6, 7}, ids(clock))
		require.NoError(t, stop())
	})
}
