package ephemera_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// certify returns the certificate of a block by these members.
func (c *cluster) certify(b block.Block, signers ...int) certificate.Certificate {
	signatures := map[int]keys.Signature{}
	for _, i := range signers {
		place, _ := c.group.Index(c.keys[i].Public())
		signatures[place] = c.keys[i].Sign(certificate.SigningBytes(network, b.Header.Slot(), b.ID()))
	}
	return certificate.New(c.group, b.Header.Slot(), b.ID(), signatures)
}

// Two of four members sign double, so a slot gets a second certificate. The correct ones keep both,
// stop the chain, also after a restart, and tell each other (R5).
func TestForkStopsTheChainAtEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		correct := []int{2, 3}
		for _, i := range correct {
			c.start(i)
		}
		defer c.stopAll()
		liar := c.network.Transport(c.keys[0].Public())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		// Its fresh frontiers let the correct members vote; it hears nothing else.
		puppet := &puppet{group: c.group, echoes: make(chan certificate.Echo, 100)}
		puppet.send = func(to keys.Public, f wire.Frame) { liar.Send(to, wire.Encode(f)) }
		go func() { done <- liar.Run(ctx, puppet) }()
		synctest.Wait()
		var proofs []certificate.Certificate
		for i, text := range []string{"one", "two"} {
			m, err := block.NewMessage(c.keys[0], network, "notice", []byte(text), time.Now().UnixMilli())
			require.NoError(t, err)
			b := block.New(c.group, c.keys[0].Public(), 1, block.ID{}, time.Now().UnixMilli(), []block.Message{m})
			b.Signature = c.keys[0].Sign(b.Header.SigningBytes())
			proofs = append(proofs, c.certify(b, 0, 1, correct[i]))
			if i == 0 { // one member delivers this block
				require.True(t, liar.Send(c.keys[2].Public(), wire.EncodeMessages(b.Messages)))
				require.True(t, liar.Send(c.keys[2].Public(), wire.Encode(wire.Proposal{Proposal: b.Proposal()})))
				time.Sleep(time.Second)
				require.True(t, liar.Send(c.keys[2].Public(), wire.Encode(wire.Certificate{Certificate: proofs[0]})))
				time.Sleep(time.Second)
				require.Len(t, c.boards[2].blocks(c.keys[0].Public()), 1)
				continue
			}
			require.True(t, liar.Send(c.keys[2].Public(), wire.Encode(wire.Certificate{Certificate: proofs[1]})))
		}
		time.Sleep(20 * time.Second)
		check := func() {
			for _, i := range correct {
				forks, err := c.nodes[i].Config().Store.Forks(t.Context())
				require.NoError(t, err)
				require.Len(t, forks, 1, "node %d", i)
				require.NoError(t, certificate.VerifyFork(c.group, forks[0].A, forks[0].B))
				require.Len(t, certificate.DoubleSigners(c.group, forks[0].A, forks[0].B), 2)
				require.LessOrEqual(t, len(c.boards[i].blocks(c.keys[0].Public())), 1)
			}
		}
		check()
		for _, i := range correct {
			c.stop[i]()
			c.start(i)
		}
		time.Sleep(20 * time.Second)
		check()
		cancel()
		require.NoError(t, <-done)
	})
}
