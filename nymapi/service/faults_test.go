package service_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// stored opens the database of a member that is not running.
func (c *cluster) stored(number int) *rewards.Store {
	c.Helper()
	store, err := rewards.OpenStore(c.Context(), filepath.Join(c.home(number), service.RewardsFile), nil)
	require.NoError(c, err)
	c.Cleanup(func() { require.NoError(c, store.Close()) })
	return store
}

func TestSevenNymAPIsTolerateTwoOffline(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 7, 2*time.Second)
	c.startAll()
	c.begun(1)
	c.stop(6) // until after the end of the epoch
	c.stop(7)
	detail := c.rewarded(1)
	require.Len(t, detail.Reporters, 5)
	require.NotContains(t, names(detail.Reporters), "nymapi-6")
	c.audited(1)

	c.start(6)
	c.start(7)
	c.reported(7)
}

func TestNothingIsRewardedInAPartitionAndEverythingAfterIt(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 1500*time.Millisecond)
	gates := map[int]*gate{}
	for number := 1; number <= 4; number++ {
		g := &gate{}
		gates[number] = g
		c.start(number, func(config *service.Config) {
			config.Behaviour.Transport = func(t transport.Transport) transport.Transport {
				g.Transport = t
				return g
			}
		})
	}
	c.rewarded(1)
	half := map[keys.Public]bool{}
	for number := 1; number <= 2; number++ {
		key, known := c.members[number].Key()
		require.True(t, known)
		half[key] = true
	}
	for number, g := range gates {
		g.shut(func(peer keys.Public, gossip bool) bool { return gossip || half[peer] != (number <= 2) })
	}
	split := c.now() // this epoch may still be decided, but not the next one
	c.begun(split + 2)
	detail, err := c.asked.EpochDetail(t.Context(), split+1)
	require.NoError(t, err)
	require.Equal(t, contract.StatusOpen, detail.Status, "two of four are not a quorum")
	for _, g := range gates {
		g.shut(nil)
	}
	require.GreaterOrEqual(t, len(c.rewarded(split+1).Reporters), 3)
	c.audited(split + 1)
}

func TestEveryEpochIsRewardedWithoutGossip(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 2*time.Second)
	c.startAll(func(config *service.Config) { config.Gossip = p2p.Off })
	require.NotEmpty(t, c.rewarded(1).Reporters)
	require.NotEmpty(t, c.rewarded(2).Reporters)
	c.audited(2)
}

func TestAReporterDoesNotHaveToSign(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 2*time.Second)
	for number := 1; number <= 3; number++ {
		c.start(number)
	}
	g := &gate{}
	g.shut(func(_ keys.Public, gossip bool) bool { return !gossip })
	mute := c.start(4, func(config *service.Config) {
		config.Behaviour.Transport = func(t transport.Transport) transport.Transport {
			g.Transport = t
			return g
		}
	})
	detail := c.reported(4) // only its report arrives, by gossip
	key, _ := mute.Key()
	require.Len(t, detail.Signers, 3)
	audited := c.audited(detail.ID)
	require.NotContains(t, audited.Signers, key)
}

func TestGarbageUnderTheLabelInvalidatesNoBlock(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 1500*time.Millisecond)
	c.startAll(func(config *service.Config) {
		config.Behaviour.Publish = func(ctx context.Context, p service.Publication) error {
			garbage, err := p.Sign(metrics.Report{ // well-formed, of an unknown epoch
				Description: [32]byte{1, 2, 3}, Mixnodes: p.Description.Mixnodes, Values: make([]metrics.Uptime, len(p.Description.Mixnodes)),
			})
			if err != nil {
				return err
			}
			// The garbage arrives first in every mempool.
			for _, m := range []block.Message{garbage, p.Message} {
				if err := p.Submit(ctx, m); err != nil {
					return err
				}
			}
			return nil
		}
	})
	for id := contract.Epoch(1); id <= 2; id++ {
		c.rewarded(id)
		c.audited(id)
	}
	c.audited(c.reported(4).ID)
	caught := c.members[1].Status().Caught
	require.NotEmpty(t, caught, "it is told who published the garbage")
	for _, of := range caught {
		require.Equal(t, contract.RefusedReport, of.Offence)
		require.Regexp(t, `^nymapi-[1-4] signed a report that does not count in epochs? `, of.Text)
	}
}

func TestARestartedNymAPIContinues(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 1500*time.Millisecond)
	c.startAll()
	c.rewarded(1)
	before, known := c.members[2].Key()
	require.True(t, known)
	c.stop(2)
	store := c.stored(2)
	first, err := store.Report(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, store.Close())

	away := c.now() + 1
	require.Len(t, c.rewarded(away).Reporters, 3, "rewarded while it is offline")
	c.start(2)
	c.reported(4)
	after, known := c.members[2].Key()
	require.True(t, known)
	require.Equal(t, before, after)
	c.stop(2)
	again, err := c.stored(2).Report(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, first, again, "no second report for an epoch")
}

func TestADowntimeOfTheContractLosesNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 1500*time.Millisecond)
	c.startAll()
	c.rewarded(1)
	id := c.begun(2)
	c.stopped() // until after the end of the epoch
	c.stop(3)   // a member restarts while the contract is down
	c.start(3)
	c.eventually(func() bool { return c.members[3].Status().Ready }, "it knows its group without the contract")
	c.eventually(func() bool { return c.members[1].Status().ContractTime > 0 && c.members[1].Status().ContractAway }, "the downtime is noticed")
	c.startContract()
	c.rewarded(id)
	c.audited(id)
}

func TestASingleNymAPISubmitsWhatItMeasured(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*service.Config){nil, func(c *service.Config) { c.Submit = service.Staged }} {
		c := newCluster(t, 1, time.Second, singleMode)
		c.start(1, func(config *service.Config) {
			config.Mode = service.Single
			if change != nil {
				change(config)
			}
		})
		detail := c.rewarded(1)
		require.Equal(t, "nymapi-1", detail.Winner.Name)
		require.Len(t, detail.Result, mixnodes)
	}
}

func TestMembersSubmitToThePerformanceContractBeforeTheEpochEnds(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 2*time.Second, func(config *server.Config) { config.Mode = contract.ModePerformance })
	c.startAll(func(config *service.Config) { config.Mode = service.Performance })
	var detail contract.EpochDetail
	c.eventually(func() bool {
		newest := c.now()
		if newest < 3 {
			return false
		}
		var err error
		detail, err = c.asked.EpochDetail(t.Context(), newest-1)
		return err == nil && detail.Batches == 4
	}, "an epoch has the batches of all")
	require.Equal(t, contract.StatusRewarded, detail.Status)
	require.Equal(t, detail.Description.ContractKey, detail.Winner.Key)
	require.Len(t, detail.Result, mixnodes)
	for _, reward := range detail.Result {
		require.Zero(t, reward.Value%metrics.PerPoint, "percents are integers")
		require.Positive(t, reward.Reports)
	}
	core, err := c.asked.Core(t.Context(), detail.ID)
	require.NoError(t, err)
	audited, err := verify.Audit(core)
	require.NoError(t, err)
	require.False(t, audited.Proven())
}

func TestStagedSubmissionsFollowEachOther(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, 2*time.Second)
	c.startAll(func(config *service.Config) { config.Submit = service.Staged })
	c.eventually(func() bool {
		newest := c.now()
		if newest < 2 {
			return false
		}
		detail, err := c.asked.EpochDetail(t.Context(), newest-1)
		if err != nil || detail.Status != contract.StatusRewarded {
			return false
		}
		members := detail.Description.Group.Members()
		return rewards.Place(detail.Description.Hash(), members, detail.Winner.Key) == 0 && len(detail.Attempts) == 1
	}, "the first in the drawn order wins, and no other member submits")
}
