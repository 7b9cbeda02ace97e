package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// What admission leaves of a certificate has the same effect as the certificate: its sender is due
// a frontier, once. A slot that is not certified has none.
func TestCoveredCertificateIsAnsweredByAFrontier(t *testing.T) {
	c := newCluster(t, 4, engine.Config{}, membership.Limits{})
	for i := range c.members {
		c.start(i)
	}
	c.submit(0, "one")
	c.advance(60_000, true)
	require.Equal(t, uint64(1), c.status(2).Heights[0])
	held := c.stored(2).Chains
	slot := block.Slot{Group: c.group.ID(), Creator: c.keys[0].Public(), Height: 1}
	proof := c.certify(block.Block{SignedHeader: block.SignedHeader{Header: block.Header{Group: slot.Group, Creator: slot.Creator, Height: 1}}}, 0, 1, 2)
	proof.Block = held[0].Tip
	frontiers := func(event engine.Event) int {
		c.advance(100_000, true) // no frontier is due for long
		since := len(c.history)
		c.step(2, event)
		c.advance(2000, true)
		return len(sent[wire.Frontier](c, since, 2, 3))
	}
	whole := engine.Received{From: c.keys[3].Public(), Frame: wire.AssumeVerified(wire.Certificate{Certificate: proof})}
	covered := engine.Covered{From: c.keys[3].Public(), Slot: slot}
	require.Equal(t, 1, frontiers(whole))
	require.Equal(t, 1, frontiers(covered))
	covered.Slot.Height = 2
	require.Zero(t, frontiers(covered))
	covered.Slot.Height, covered.Slot.Group = 1, membership.ID{1}
	require.Zero(t, frontiers(covered))
}
