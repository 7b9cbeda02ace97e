package policy_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
	storememory "github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

const network = "policy-test"

// A delivery is a block with the virtual time since the nodes started.
type delivery struct {
	block block.Block
	at    time.Duration
}

// run starts a node for each configuration. It returns the nodes and the deliveries of the first
// one.
func run(t *testing.T, configs ...policy.Config) ([]*ephemera.Node, <-chan delivery) {
	var private []keys.Private
	var members []keys.Public
	for i := range configs {
		private = append(private, keys.FromSeed([32]byte{byte(i)}))
		members = append(members, private[i].Public())
	}
	group, err := membership.NewGroup(network, 1, members, membership.Limits{})
	require.NoError(t, err)
	link := memory.New(memory.Config{Members: members, Gossip: true})
	delivered, began := make(chan delivery, 100), time.Now()
	configs[0].DeliverBlock = func(_ context.Context, b block.Block, _ certificate.Certificate) error {
		delivered <- delivery{b, time.Since(began)}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	work, ctx := errgroup.WithContext(ctx)
	var nodes []*ephemera.Node
	for i, config := range configs {
		app, err := policy.New(config)
		require.NoError(t, err)
		disk, err := storememory.NewDisk().Open()
		require.NoError(t, err)
		node, err := ephemera.New(ephemera.Config{
			Key: private[i], Store: disk, Votes: ephemera.VotesKeptNowhere{}, Group: group, Transport: link.Transport(members[i]), Include: mempool.All,
		}, app)
		require.NoError(t, err)
		nodes = append(nodes, node)
		work.Go(func() error { return node.Run(ctx) })
		work.Go(func() error { return app.Run(ctx, node) })
	}
	for _, node := range nodes {
		<-node.Running()
	}
	t.Cleanup(func() {
		cancel()
		require.NoError(t, work.Wait())
	})
	return nodes, delivered
}

func submit(t *testing.T, node *ephemera.Node, seed byte, label string) {
	m, err := block.NewMessage(keys.FromSeed([32]byte{seed}), network, label, []byte(label), time.Now().UnixMilli())
	require.NoError(t, err)
	require.NoError(t, node.Submit(t.Context(), m))
}

// never is a rule that no test meets, so such a member makes no blocks.
var never = policy.Config{Messages: 1000}

// Members with different policies certify each other's blocks. Wait makes a block even if nothing
// else happens.
func TestNodeMakesABlockAfterTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes, delivered := run(t, policy.Config{Wait: 30 * time.Second, OneOfEach: true, OneLabel: true}, never, never, never)
		for i, node := range nodes {
			submit(t, node, byte(i), "complete")
		}
		submit(t, nodes[1], 1, "incomplete")
		first := <-delivered
		require.Len(t, first.block.Messages, 4)
		require.Less(t, first.at, 10*time.Second, "no member is missing")
		second := <-delivered
		require.Len(t, second.block.Messages, 1)
		require.Equal(t, "incomplete", second.block.Messages[0].Label())
		require.InDelta(t, 30, second.at.Seconds(), 1)
	})
}

func TestNodeMakesABlockAtANumberOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes, delivered := run(t, policy.Config{Messages: 3}, never, never, never)
		for _, label := range []string{"a", "b", "c", "d"} {
			submit(t, nodes[0], 0, label)
		}
		require.Len(t, (<-delivered).block.Messages, 3)
		time.Sleep(time.Minute)
		require.Empty(t, delivered, "one message is too few")
	})
}
