package ephemera_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	storememory "github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Every member's message is in everybody's delivered blocks, whose certificates verify.
func TestBlocksOfAllMembersAreDeliveredByAll(t *testing.T) {
	for _, n := range []int{1, 2, 4, 7} {
		for _, gossip := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, n, memory.Config{Gossip: gossip, Delay: constant(50 * time.Millisecond)})
				for _, b := range c.boards {
					b.enough = n // a block of everybody's message
				}
				c.startAll()
				defer c.stopAll()
				for i := range n {
					c.submit(i, "hello")
				}
				for i := range n {
					for creator := range n {
						c.awaitHeight(i, creator, 1)
					}
					require.Len(t, c.boards[i].blocks(c.keys[0].Public())[0].Messages, n)
				}
			})
		}
	}
}

func constant(d time.Duration) func(_, _ keys.Public) time.Duration {
	return func(_, _ keys.Public) time.Duration { return d }
}

// Blocks reach everybody even if every gossip frame and one direct frame in five are lost (R6, R7).
func TestEverythingArrivesOverLossyLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: false, Loss: 0.2, Seed: 7, Delay: constant(10 * time.Millisecond)})
		c.startAll()
		defer c.stopAll()
		for round := range 3 {
			for i := range 4 {
				c.submit(i, "round "+string(rune('0'+round)))
			}
			for i := range 4 {
				for creator := range 4 {
					c.awaitHeight(i, creator, round+1)
				}
			}
		}
	})
}

// A member that was disconnected or down catches up with everything that was certified meanwhile
// (R6).
func TestMemberThatWasAwayCatchesUp(t *testing.T) {
	for _, away := range []string{"partition", "down"} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
			c.startAll()
			defer c.stopAll()
			last := c.keys[3].Public()
			if away == "partition" {
				c.network.Partition([]keys.Public{last})
			} else {
				c.stop[3]()
			}
			c.submit(0, "without you")
			for i := range 3 {
				for creator := range 3 {
					c.awaitHeight(i, creator, 1)
				}
			}
			require.Empty(t, c.boards[3].blocks(c.keys[0].Public()))
			if away == "partition" {
				c.network.Heal()
			} else {
				c.start(3)
			}
			for creator := range 3 {
				c.awaitHeight(3, creator, 1)
			}
			requireChains(t, c)
		})
	}
}

// requireChains checks order, links and consistency of everything that was delivered, in every
// group.
func requireChains(t *testing.T, c *cluster) {
	t.Helper()
	type chain struct {
		group   membership.ID
		creator keys.Public
	}
	longest := map[chain][]block.ID{}
	for _, b := range c.boards {
		own := map[chain][]block.ID{}
		for _, d := range b.all() {
			place := chain{d.Header.Group, d.Header.Creator}
			ids := own[place]
			if len(ids) > 0 && d.ID() == ids[len(ids)-1] {
				continue // delivered again after a restart
			}
			require.Equal(t, uint64(len(ids)+1), d.Header.Height, "a gap")
			if len(ids) > 0 {
				require.Equal(t, ids[len(ids)-1], d.Header.Parent)
			}
			own[place] = append(ids, d.ID())
		}
		for place, ids := range own {
			shared := min(len(ids), len(longest[place]))
			require.True(t, slices.Equal(longest[place][:shared], ids[:shared]), "two blocks in one slot")
			if len(ids) > len(longest[place]) {
				longest[place] = ids
			}
		}
	}
}

// A creator that stops between its proposal and the certificate proposes the same block again after
// its restart, and no other (R8).
func TestRestartedCreatorProposesThePersistedBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.include = mempool.Own
		c.network.SetDrop(func(f memory.Frame) bool { return wire.Kind(f.Data[0]) == wire.KindEcho })
		c.startAll()
		defer c.stopAll()
		c.submit(0, "first")
		synctest.Wait()
		time.Sleep(time.Second)
		c.stop[0]()
		st, err := c.disks[0].Open()
		require.NoError(t, err)
		state, err := st.Load(t.Context(), c.group.ID())
		require.NoError(t, err)
		require.NoError(t, st.Close())
		require.Len(t, state.Chains, 1)
		persisted := state.Chains[0].Votes[0].ID()

		c.network.SetDrop(nil)
		c.start(0)
		c.submit(0, "second")
		for i := range 4 {
			c.awaitHeight(i, 0, 2)
			require.Equal(t, persisted, c.boards[i].blocks(c.keys[0].Public())[0].ID())
		}
		requireChains(t, c)
	})
}

// After Wake the node asks again about a block that the application answered with Later. Nothing
// about the block is lost meanwhile (R2, R7).
func TestBlockSurvivesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		var open atomic.Bool
		for i, b := range c.boards {
			if i != 0 {
				b.verdict = func(block.Block) ephemera.Decision {
					if open.Load() {
						return ephemera.Accept()
					}
					return ephemera.Later("not open yet")
				}
			}
		}
		c.startAll()
		defer c.stopAll()
		c.submit(0, "wait for it")
		time.Sleep(20 * time.Second)
		require.Empty(t, c.boards[1].blocks(c.keys[0].Public()))
		open.Store(true)
		for _, n := range c.nodes {
			n.Wake()
		}
		for i := range 4 {
			c.awaitHeight(i, 0, 1)
		}
	})
}

// A block that the application rejects is not certified, and its creator does not resend it
// forever (R7).
func TestRejectedBlockIsNotCertified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		victim := c.keys[0].Public()
		for _, b := range c.boards[1:] {
			b.verdict = func(candidate block.Block) ephemera.Decision {
				if candidate.Header.Creator == victim {
					return ephemera.Reject("test")
				}
				return ephemera.Accept()
			}
		}
		c.startAll()
		defer c.stopAll()
		c.submit(0, "unwanted")
		for i := range 4 {
			for creator := 1; creator < 4; creator++ {
				c.awaitHeight(i, creator, 1)
			}
		}
		time.Sleep(5 * time.Second)
		before := c.nodes[0].Traffic().SentFrames
		time.Sleep(time.Minute)
		require.Less(t, c.nodes[0].Traffic().SentFrames-before, uint64(3*70), "only frontiers are still sent")
		require.Empty(t, c.boards[1].blocks(victim))
	})
}

// A node whose vote store was lost delivers blocks and sends messages, but signs nothing more in
// the group (R8).
func TestMutedMemberSignsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.votes[3].muted.Store(1)
		c.startAll()
		defer c.stopAll()
		c.submit(3, "from the muted one")
		for i := range 4 {
			for creator := range 3 {
				c.awaitHeight(i, creator, 1)
			}
		}
		time.Sleep(time.Minute)
		for i := range 4 {
			require.Empty(t, c.boards[i].blocks(c.keys[3].Public()))
		}
		for creator := range 3 {
			slot := block.Slot{Group: c.group.ID(), Creator: c.keys[creator].Public(), Height: 1}
			held, err := c.nodes[0].Certified(t.Context(), slot)
			require.NoError(t, err)
			require.False(t, held.Certificate.Signed(3))
			require.NoError(t, certificate.VerifyBlock(c.group, held.Block, held.Certificate))
		}
	})
}

// A node that receives something with its own signature that its votes do not know stops and says
// why (R8).
func TestNodeHaltsAtItsOwnUnknownSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		c.startAll()
		defer c.stopAll()
		m := c.submit(1, "certified")
		c.awaitHeight(0, 0, 1)
		time.Sleep(time.Minute)
		c.stopAll()

		// The node restarts with an empty store, and no record says that the store was lost.
		c.disks[0] = storememory.NewDisk()
		for i := 1; i < 4; i++ {
			c.start(i)
		}
		node, _, result := c.run(0)
		require.ErrorIs(t, <-result, ephemera.ErrHalted)
		require.ErrorIs(t, node.Submit(t.Context(), m), ephemera.ErrStopped)
	})
}

// If there are two blocks for one slot, nobody delivers two, everybody gets the proof, and the
// other chains continue (R3).
func TestEquivocationIsProvenAndContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true, Delay: constant(5 * time.Millisecond)})
		for i := 1; i < 4; i++ {
			c.start(i)
		}
		defer c.stopAll()
		liar := c.network.Transport(c.keys[0].Public())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- liar.Run(ctx, deaf{}) }()
		synctest.Wait()
		for i, text := range []string{"one", "two", "three"} {
			m, err := block.NewMessage(c.keys[0], network, "notice", []byte(text), time.Now().UnixMilli())
			require.NoError(t, err)
			b := block.New(c.group, c.keys[0].Public(), 1, block.ID{}, time.Now().UnixMilli(), []block.Message{m})
			b.Signature = c.keys[0].Sign(b.Header.SigningBytes())
			require.True(t, liar.Send(c.keys[i+1].Public(), wire.EncodeMessages(b.Messages)))
			require.True(t, liar.Send(c.keys[i+1].Public(), wire.Encode(wire.Proposal{Proposal: b.Proposal()})))
		}
		time.Sleep(20 * time.Second)
		c.submit(1, "continues")
		for i := 1; i < 4; i++ {
			c.awaitHeight(i, 1, 1)
			require.Empty(t, c.boards[i].blocks(c.keys[0].Public()))
		}
		cancel()
		require.NoError(t, <-done)
		c.stopAll()
		for i := 1; i < 4; i++ {
			st, err := c.disks[i].Open()
			require.NoError(t, err)
			state, err := st.Load(t.Context(), c.group.ID())
			require.NoError(t, err)
			require.Len(t, state.Evidence, 1, "node %d holds the proof", i)
			require.Equal(t, state.Evidence, c.boards[i].proofs, "the application learned of it")
			require.NoError(t, st.Close())
		}
	})
}

// deaf ignores all frames.
type deaf struct{}

func (deaf) Receive(keys.Public, []byte) transport.Verdict { return transport.Ignore }
func (deaf) Gossip(keys.Public, []byte) transport.Verdict  { return transport.Ignore }
func (deaf) Connected(keys.Public)                         {}
func (deaf) Disconnected(keys.Public)                      {}

// Garbage on every link does no harm, and a message that the application refuses enters no mempool.
func TestGarbageIsRefusedAtTheBorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 4, memory.Config{Gossip: true})
		for i := 1; i < 4; i++ {
			c.start(i)
		}
		defer c.stopAll()
		liar := c.network.Transport(c.keys[0].Public())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- liar.Run(ctx, deaf{}) }()
		synctest.Wait()
		refused, err := block.NewMessage(c.keys[0], network, "refused", []byte("x"), time.Now().UnixMilli())
		require.NoError(t, err)
		for kind := range 25 {
			for i := 1; i < 4; i++ {
				liar.Send(c.keys[i].Public(), append([]byte{byte(kind)}, "garbage"...))
				liar.Send(c.keys[i].Public(), wire.EncodeMessages([]block.Message{refused}))
			}
		}
		c.submit(1, "fine")
		for i := 1; i < 4; i++ {
			for creator := 1; creator < 4; creator++ {
				c.awaitHeight(i, creator, 1)
			}
			status, err := c.nodes[i].Status(t.Context())
			require.NoError(t, err)
			require.Zero(t, status.Messages)
		}
		require.ErrorIs(t, c.nodes[1].Submit(t.Context(), refused), ephemera.ErrRefused)
		cancel()
		require.NoError(t, <-done)
	})
}
