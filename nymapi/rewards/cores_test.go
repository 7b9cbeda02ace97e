package rewards_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// registry is a contract that answers with the cores that a test sets.
type registry struct {
	mu    sync.Mutex
	cores map[contract.Epoch]contract.Core
	asked int
}

func (r *registry) Core(_ context.Context, id contract.Epoch) (contract.Core, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	core, known := r.cores[id]
	if !known {
		return core, errors.New("away")
	}
	return core, nil
}

func (r *registry) set(id contract.Epoch, core contract.Core) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cores[id] = core
}

// coreOf returns the core of an epoch that a Nym-API has won, and the winner.
func coreOf(t *testing.T, d contract.Description, creator int) (contract.Core, *contract.Winner) {
	evidence := contracttest.Evidence(d, creator)
	result := contracttest.Result(d, evidence)
	s, err := contract.NewSubmission(contracttest.Key(creator), d, result, evidence)
	require.NoError(t, err)
	core := contract.Core{Version: contract.CoreVersion, Description: d.Encode(), Submission: s.Encode()}
	for i, id := range d.Mixnodes {
		core.Rewards = append(core.Rewards, contract.Reward{Mixnode: id, Value: result.Values[i], Reports: result.Reports[i]})
	}
	hash := contract.HashRewards(d.Network, d.Epoch, core.Rewards)
	core.Receipt = contract.Receipt{
		Network: d.Network, Epoch: d.Epoch, Description: d.Hash(), Block: evidence.Block.ID(), Rewards: hash, Submitter: s.Submitter, AcceptedAt: 7,
	}.Sign(contracttest.ContractKey()).Encode()
	core.Record = recordOf(d, contract.Record{Status: contract.StatusRewarded, Rewards: hash, Submission: contract.Digest(core.Submission)})
	return core, &contract.Winner{Key: s.Submitter, Block: evidence.Block.ID(), AcceptedAt: 7}
}

func missedCoreOf(d contract.Description) contract.Core {
	record := recordOf(d, contract.Record{Status: contract.StatusMissed, Reason: "nobody submitted"})
	return contract.Core{Version: contract.CoreVersion, Description: d.Encode(), Record: record}
}

func recordOf(d contract.Description, r contract.Record) []byte {
	r.Network, r.Epoch, r.Description, r.SettledAt, r.Origin = d.Network, d.Epoch, d.Hash(), 7, contract.OriginSettlement
	if d.Epoch > 1 {
		r.Previous = contract.Hash{1}
	}
	return r.Sign(contracttest.ContractKey()).Encode()
}

func runCores(t *testing.T, c *rewards.Cores, calendar *calendar) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx, calendar) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestCoresOfSettledEpochsAreKept(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "bundles")
	synctest.Test(t, func(t *testing.T) {
		first, second := describe(1, 4), describe(2, 4)
		core, won := coreOf(t, first, 2)
		asked, calendar := &registry{cores: map[contract.Epoch]contract.Core{}}, newCalendar(first, second)
		cores := &rewards.Cores{Contract: asked, Folder: folder, Keep: 5, Logger: silent()}
		runCores(t, cores, calendar)
		synctest.Wait()
		require.Zero(t, asked.asked, "no epoch is settled")
		require.NoDirExists(t, folder)

		calendar.settle(1, contract.StatusRewarded, won)
		calendar.settle(2, contract.StatusMissed, nil)
		synctest.Wait()
		require.Equal(t, 1, asked.asked, "the contract is away")
		asked.set(1, core)
		asked.set(2, missedCoreOf(second))
		time.Sleep(time.Minute)
		synctest.Wait()
		for id, want := range asked.cores {
			kept, err := cores.Load(id)
			require.NoError(t, err)
			require.Equal(t, want.Encode(), kept)
		}
		before := asked.asked
		calendar.Poke()
		time.Sleep(2 * time.Hour)
		require.Equal(t, before, asked.asked, "each is fetched once")
		_, err := cores.Load(3)
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestCoresThatContradictWhatWasSeenAreNotKept(t *testing.T) {
	d := describe(1, 4)
	core, won := coreOf(t, d, 2)
	other := *won
	other.Key = public(3)
	forged := core
	forged.Rewards = append([]contract.Reward(nil), core.Rewards...)
	forged.Rewards[0].Value++
	another, _ := coreOf(t, describe(1, 7), 2)
	for says, c := range map[string]struct {
		core   contract.Core
		winner *contract.Winner
	}{
		"is paid":                           {forged, won},
		"it is of winner":                   {core, &other},
		"it is about description":           {another, won},
		"says that the epoch was missed":    {missedCoreOf(d), won},
		"says that the epoch was rewarded,": {core, nil},
	} {
		folder, log := t.TempDir(), &bytes.Buffer{}
		synctest.Test(t, func(t *testing.T) {
			calendar := newCalendar(d)
			status := contract.StatusRewarded
			if c.winner == nil {
				status = contract.StatusMissed
			}
			calendar.settle(1, status, c.winner)
			asked := &registry{cores: map[contract.Epoch]contract.Core{1: c.core}}
			runCores(t, &rewards.Cores{Contract: asked, Folder: folder, Keep: 5, Logger: slog.New(slog.NewTextHandler(log, nil))}, calendar)
			time.Sleep(time.Hour)
			synctest.Wait()
			require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), says)
			require.Contains(t, log.String(), says)
		})
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Empty(t, entries, says)
	}
}

func TestOldCoresAreRemoved(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"epoch-1.core", "epoch-3.core", "epoch-4.core", "epoch-03.core", "epoch-2.annex", "notes"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
	synctest.Test(t, func(t *testing.T) {
		d := describe(5, 4)
		calendar := newCalendar(d)
		calendar.settle(5, contract.StatusMissed, nil)
		asked := &registry{cores: map[contract.Epoch]contract.Core{5: missedCoreOf(d)}}
		runCores(t, &rewards.Cores{Contract: asked, Folder: folder, Keep: 2, Logger: silent()}, calendar)
		synctest.Wait()
	})
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"epoch-03.core", "epoch-2.annex", "epoch-4.core", "epoch-5.core", "notes"}, names)
}
