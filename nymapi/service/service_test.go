package service_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFourNymAPIsRewardEveryEpoch(t *testing.T) {
	t.Parallel()
	for _, gossip := range []p2p.Mode{p2p.Flood, p2p.Mesh, p2p.Direct} {
		t.Run(gossip.String(), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 4, 1500*time.Millisecond)
			c.startAll(func(config *service.Config) { config.Gossip, config.Bundles = gossip, 2 })
			for id := contract.Epoch(1); id <= 2; id++ {
				detail := c.rewarded(id)
				require.GreaterOrEqual(t, len(detail.Reporters), 3)
				require.GreaterOrEqual(t, len(detail.Signers), 3)
				require.Len(t, detail.Result, mixnodes)
				c.audited(id)
				for number := 1; number <= 4; number++ {
					c.keepsCore(number, id)
					c.keepsTrusted(number, detail.Description)
				}
			}
		})
	}
}
