package home_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
)

// application returns an application that sends delivered blocks to a channel.
func application(t *testing.T) (*policy.Application, <-chan block.Block) {
	delivered := make(chan block.Block, 10)
	app, err := policy.New(policy.Config{DeliverBlock: func(_ context.Context, b block.Block, _ certificate.Certificate) error {
		delivered <- b
		return nil
	}})
	require.NoError(t, err)
	return app, delivered
}

// A node alone is the only member of its group and certifies its own blocks. The home records the
// group.
func TestNodeAloneCertifiesItsBlocks(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	app, delivered := application(t)
	node, err := h.NodeAlone(ephemera.Config{}, app)
	require.NoError(t, err)
	require.Equal(t, []keys.Public{h.Key.Public()}, node.Group().Members())
	require.Equal(t, network, node.Group().Network())

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	m, err := node.SubmitPayload(ctx, "notice", []byte("hello"))
	require.NoError(t, err)
	select {
	case b := <-delivered:
		require.Equal(t, []block.MessageID{m.ID()}, b.MessageIDs())
		require.Equal(t, h.Key.Public(), b.Header.Creator)
	case <-time.After(time.Minute):
		t.Fatal("no block was delivered")
	}
	stop()
	require.NoError(t, <-ended)
	require.NoError(t, h.Close())
	require.Equal(t, marker(1, 1), readMarker(t, dir))
}

// A member that forgets its group is refused, and the home records no group. A node alone has none
// to choose.
func TestNodeNeedsAGroupUnlessItIsAlone(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	app, _ := application(t)
	_, err := h.Node(ephemera.Config{}, app)
	require.ErrorContains(t, err, "Group is missing (set it, or use NodeAlone")
	group, err := membership.NewGroup(network, 7, []keys.Public{h.Key.Public()}, membership.Limits{})
	require.NoError(t, err)
	_, err = h.NodeAlone(ephemera.Config{Group: group}, app)
	require.ErrorContains(t, err, "Group is set")
	require.NoError(t, h.Close())
	require.Equal(t, marker(1, 0), readMarker(t, dir))
}

// The node of a home uses the home's key, store, vote record and network.
func TestNodeUsesTheHome(t *testing.T) {
	h := open(t, t.TempDir())
	defer func() { require.NoError(t, h.Close()) }()
	app, _ := application(t)
	other := keys.FromSeed([32]byte{1})
	elsewhere, err := membership.NewGroup("elsewhere", 1, []keys.Public{h.Key.Public()}, membership.Limits{})
	require.NoError(t, err)
	for want, config := range map[string]ephemera.Config{
		"come from the home":                 {Key: other},
		"Key, Store and Votes":               {Store: memory.New()},
		"leave them out":                     {Votes: ephemera.VotesKeptNowhere{}},
		`network "elsewhere", the home of "`: {Group: elsewhere},
	} {
		_, err := h.Node(config, app)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, h.Dir)
	}
	_, err = h.NodeAlone(ephemera.Config{}, nil)
	require.ErrorContains(t, err, "an Application is required")
}

// Close also closes the transport of a node that was never run.
func TestCloseEndsTheTransportOfANodeThatNeverRan(t *testing.T) {
	before := goleak.IgnoreCurrent()
	h := open(t, t.TempDir())
	app, _ := application(t)
	_, err := h.NodeAlone(ephemera.Config{}, app)
	require.NoError(t, err)
	require.NoError(t, h.Close())
	goleak.VerifyNone(t, before)
}
