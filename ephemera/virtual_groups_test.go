package ephemera_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// The tests in this file hand over from group to group (PROTOCOL.md R9), in virtual time.

// handOver is a cluster with changing members. The blocks of each hold its own messages.
type handOver struct {
	*cluster
	random *rand.Rand
	sent   [][]block.Message // by member
}

// newHandOver makes nodes, some of which are the first group.
func newHandOver(t *testing.T, all int, first []int, config memory.Config) *handOver {
	h := &handOver{cluster: newCluster(t, all, config), random: rand.New(rand.NewPCG(config.Seed, 2)), sent: make([][]block.Message, all)}
	h.include = mempool.Own
	h.group = h.members(1, first...)
	return h
}

// members returns a group of the nodes at these places.
func (h *handOver) members(number uint64, places ...int) *membership.Group {
	h.t.Helper()
	group, err := membership.NewGroup(network, number, h.publics(places), membership.Limits{})
	require.NoError(h.t, err)
	return group
}

// report submits a new message at a node that may be down.
func (h *handOver) report(i int) {
	m, err := block.NewMessage(h.keys[i], network, "notice", fmt.Append(nil, "message ", len(h.sent[i])), time.Now().UnixMilli())
	require.NoError(h.t, err)
	h.sent[i] = append(h.sent[i], m)
	h.offer(i, m)
}

// restart stops a node, starts it again with the group that its provider returns, and submits again
// what was not delivered.
func (h *handOver) restart(i int, told *membership.Group) {
	h.stop[i]()
	h.group = told
	h.start(i)
	for _, m := range h.sent[i] {
		if !h.boards[i].has(m.ID()) {
			h.offer(i, m)
		}
	}
}

// has reports whether a message was delivered.
func (b *board) has(id block.MessageID) bool {
	return slices.ContainsFunc(b.all(), func(d block.Block) bool { return slices.Contains(d.MessageIDs(), id) })
}

// requireDelivered waits until the messages of some members are delivered by others.
func (h *handOver) requireDelivered(senders, receivers []int) {
	h.t.Helper()
	for _, receiver := range receivers {
		for _, sender := range senders {
			for _, m := range h.sent[sender] {
				h.boards[receiver].await(h.t, func() bool { return h.boards[receiver].has(m.ID()) })
			}
		}
	}
}

// requireEqual checks that members of a group are at the same heights and delivered everything.
func (h *handOver) requireEqual(group *membership.Group, members []int) {
	h.t.Helper()
	first, err := h.nodes[members[0]].StatusIn(h.t.Context(), group)
	require.NoError(h.t, err)
	for _, i := range members {
		status, err := h.nodes[i].StatusIn(h.t.Context(), group)
		require.NoError(h.t, err)
		require.Equal(h.t, first.Tips, status.Tips, "member %d in group %d", i, group.Number())
		require.Equal(h.t, status.Heights, status.Delivered, "member %d in group %d", i, group.Number())
	}
}

// closed reports whether a node has closed a group.
func closed(node *ephemera.Node, group *membership.Group) bool {
	return slices.ContainsFunc(node.Groups(), func(k ephemera.KnownGroup) bool { return k.Group.ID() == group.ID() && k.Closed })
}

// A member is added, removed or replaced while everybody sends. Some members learn of it seconds
// later than others, and frames are lost. In half of the cases members stop meanwhile and restart
// with the old group or the new one. Nothing that was certified is lost, no chain is stuck, and
// every message of a member that stays is delivered.
func TestHandOverLosesNothing(t *testing.T) {
	for _, change := range []struct {
		name          string
		first, second []int
	}{
		{"added", []int{0, 1, 2, 3}, []int{0, 1, 2, 3, 4}},
		{"removed", []int{0, 1, 2, 3, 4}, []int{0, 1, 2, 3}},
		{"replaced", []int{0, 1, 2, 3}, []int{1, 2, 3, 4}},
		{"most replaced", []int{0, 1, 2, 3, 4, 5, 6}, []int{5, 6, 7, 8, 9, 10, 11}},
	} {
		for _, restarts := range []bool{true, false} {
			if testing.Short() && !restarts {
				continue
			}
			for _, seed := range seeds(4) {
				t.Run(fmt.Sprintf("%s/restarts=%t/seed=%d", change.name, restarts, seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { handOverLosesNothing(t, change.first, change.second, restarts, seed) })
				})
			}
		}
	}
}

func handOverLosesNothing(t *testing.T, first, second []int, restarts bool, seed uint64) {
	h := newHandOver(t, 12, first, memory.Config{Gossip: true, Seed: seed, Loss: 0.05, Delay: jitter(seed)})
	defer h.stopAll()
	one, two := h.group, h.members(2, second...)
	for _, i := range first {
		h.start(i)
	}
	var plan []happening
	told := map[int]*membership.Group{}
	for i := range h.keys {
		begin, stays := time.Duration(0), slices.Contains(second, i)
		adopts := within(h.random, 2*time.Second, 5*time.Second)
		switch {
		case slices.Contains(first, i):
			told[i] = one
			plan = append(plan, happening{adopts, func() {
				told[i] = two
				require.NoError(t, h.nodes[i].Adopt(t.Context(), two, nil))
			}})
		case stays:
			begin = adopts
			plan = append(plan, happening{adopts, func() {
				told[i] = two
				h.group = two
				h.start(i)
			}})
		default:
			continue
		}
		for at := begin; at < 10*time.Second && (stays || at < adopts); at += within(h.random, time.Millisecond, time.Second) {
			plan = append(plan, happening{at + time.Nanosecond, func() { h.report(i) }})
		}
		if restarts && h.random.IntN(2) == 0 {
			for _, at := range []time.Duration{adopts + within(h.random, 1, 300*time.Millisecond), adopts + within(h.random, 1, 10*time.Second)} {
				plan = append(plan, happening{at, func() {
					if h.random.IntN(2) == 0 && slices.Contains(first, i) {
						h.restart(i, one) // an old list; the store has the newer group
					} else {
						h.restart(i, told[i])
					}
				}})
			}
		}
	}
	run(plan)
	pass(90 * time.Second) // the last group is closed after a minute at the latest
	stay := slices.DeleteFunc(slices.Clone(first), func(i int) bool { return !slices.Contains(second, i) })
	h.requireDelivered(stay, stay)
	h.requireDelivered(slices.DeleteFunc(slices.Clone(second), func(i int) bool { return slices.Contains(first, i) }), second)
	for _, i := range first {
		require.True(t, closed(h.nodes[i], one), "member %d", i)
	}
	h.requireEqual(one, first)
	for _, i := range second {
		h.report(i)
	}
	pass(30 * time.Second)
	h.requireEqual(two, second)
	for _, i := range second {
		h.sent[i] = h.sent[i][len(h.sent[i])-1:]
	}
	h.requireDelivered(second, second)
	requireChains(t, h.cluster)
}

// A removed member stays connected until its group is closed, because its echo is needed for an
// open block. Then its connections end.
func TestRemovedMemberStaysUntilItsGroupIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 5, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		one, two := h.group, h.members(2, 0, 1, 3, 4)
		const removed = 2 // member 3 is down, so that the other three are the quorum
		dialled := &dials{}
		link := h.link
		h.link = func(i int) transport.Transport {
			if i == removed {
				return dialler{link(i), dialled}
			}
			return link(i)
		}
		h.network.SetDrop(func(f memory.Frame) bool { return wire.Kind(f.Data[0]) == wire.KindEcho })
		for i := range 3 {
			h.start(i)
		}
		pass(time.Second)
		h.report(0)
		pass(time.Second) // the block is proposed, and no echo arrives
		addresses := []membership.Peer{{Key: h.keys[4].Public(), Addresses: []string{"/ip4/192.0.2.1/tcp/3000"}}}
		for i := range 3 {
			require.NoError(t, h.nodes[i].Adopt(t.Context(), two, addresses))
		}
		pass(10 * time.Second)
		require.False(t, closed(h.nodes[removed], one))
		require.Empty(t, h.boards[removed].all())
		require.Len(t, dialled.last(), 3, "it is a member of the first group only")

		h.network.SetDrop(nil)
		h.requireDelivered([]int{0}, []int{0, 1, removed})
		held, err := h.nodes[removed].Certified(t.Context(), block.Slot{Group: one.ID(), Creator: h.keys[0].Public(), Height: 1})
		require.NoError(t, err)
		require.True(t, held.Certificate.Signed(slices.Index(one.Members(), h.keys[removed].Public())))
		pass(5 * time.Second)
		for i := range 3 {
			require.True(t, closed(h.nodes[i], one), "member %d", i)
		}
		known := h.nodes[removed].Groups()
		require.True(t, known[0].Connected, "others may still need it")
		pass(2 * time.Minute)
		known = h.nodes[removed].Groups()
		require.Equal(t, []ephemera.KnownGroup{{Group: one, Closed: true}, {Group: two, Closed: true}}, known, "it may stop now")
		require.Empty(t, dialled.last())
		require.Equal(t, two, h.nodes[removed].Group())
		require.Equal(t, []ephemera.KnownGroup{{Group: one, Closed: true}, {Group: two, Connected: true}}, h.nodes[0].Groups())

		h.group = two
		h.start(3) // it was down until now
		h.start(4)
		h.report(4)
		h.requireDelivered([]int{4}, []int{0, 1, 3, 4})
		require.False(t, h.boards[removed].has(h.sent[4][0].ID()))
	})
}

// dials records the peers that a transport was given.
type dials struct {
	mu    sync.Mutex
	peers [][]membership.Peer
}

func (d *dials) last() []membership.Peer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.peers[len(d.peers)-1]
}

// dialler is a transport whose peers can change.
type dialler struct {
	transport.Transport
	dials *dials
}

func (d dialler) SetPeers(peers []membership.Peer) error {
	d.dials.mu.Lock()
	defer d.dials.mu.Unlock()
	d.dials.peers = append(d.dials.peers, peers)
	return d.dials.err(peers)
}

// err refuses an address that no transport accepts.
func (*dials) err(peers []membership.Peer) error {
	for _, peer := range peers {
		if slices.Contains(peer.Addresses, "nowhere") {
			return fmt.Errorf("address %q of %s", "nowhere", peer.Key)
		}
	}
	return nil
}

// A second group with a known number is refused, and an older group is ignored. Neither changes
// anything.
func TestGroupWithAKnownNumberIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 5, []int{0, 1, 2, 3}, memory.Config{Gossip: true})
		defer h.stopAll()
		one, two := h.group, h.members(2, 0, 1, 2, 4)
		dialled := &dials{}
		link := h.link
		h.link = func(i int) transport.Transport { return dialler{link(i), dialled} }
		h.start(0)
		node, ctx := h.nodes[0], t.Context()

		require.ErrorIs(t, node.Adopt(ctx, h.members(1, 0, 1, 2, 4), nil), store.ErrGroup)
		require.NoError(t, node.Adopt(ctx, one, nil))
		require.Equal(t, []ephemera.KnownGroup{{Group: one, Connected: true}}, node.Groups(), "nothing has changed")
		require.NoError(t, node.Adopt(ctx, two, nil))
		require.NoError(t, node.Adopt(ctx, two, nil))
		require.ErrorIs(t, node.Adopt(ctx, h.members(2, 0, 1, 2, 3), nil), store.ErrGroup)
		require.NoError(t, node.Adopt(ctx, h.members(9, 1, 2, 3), nil), "one without this node")
		require.ErrorIs(t, node.Adopt(ctx, h.members(9, 0, 1, 2, 3), nil), store.ErrGroup)
		require.NoError(t, node.Adopt(ctx, h.members(8, 0, 1, 2, 3), nil), "an older list is ignored")
		require.Len(t, node.Groups(), 3)

		foreign, err := membership.NewGroup("elsewhere", 10, one.Members(), membership.Limits{})
		require.NoError(t, err)
		require.ErrorIs(t, node.Adopt(ctx, foreign, nil), membership.ErrInvalid)
		require.ErrorIs(t, node.Adopt(ctx, nil, nil), membership.ErrInvalid)
		require.ErrorIs(t, node.CloseGroup(ctx, foreign.ID()), store.ErrNotFound)
		_, err = node.StatusIn(ctx, foreign)
		require.ErrorIs(t, err, store.ErrNotFound)
		h.stop[0]()
		require.ErrorIs(t, node.Adopt(ctx, h.members(11, 0), nil), ephemera.ErrStopped)

		// The store keeps the group: at the start, too, a list with other members for a known number is
		// refused.
		h.group = h.members(2, 0, 1, 2, 3)
		_, cancel, result := h.begin(0)
		defer cancel()
		require.ErrorIs(t, <-result, store.ErrGroup)
		h.group = h.members(12, 1, 2)
		h.disks[0] = h.disks[1]
		_, cancel, result = h.begin(0)
		defer cancel()
		require.ErrorContains(t, <-result, "is not a member of group 12")
	})
}

// Blocks of one creator in two groups wait for a slow application at the same time: neither
// replaces the other.
func TestSlowApplicationSeesTheBlocksOfBothGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 4, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		const slow = 3
		gate := make(chan struct{})
		h.boards[slow].gate = gate
		h.startAll()
		pass(time.Second)
		h.report(0)
		h.report(1)
		one, two := h.group, h.members(2, 0, 1, 2, 3)
		h.requireDelivered([]int{0, 1}, []int{0, 1, 2})
		pass(time.Second) // the slow node has stored both, and its application handles the first
		for i := range 4 {
			require.NoError(t, h.nodes[i].Adopt(t.Context(), two, nil))
		}
		h.report(0)
		h.report(1)
		h.requireDelivered([]int{0, 1}, []int{0, 1, 2})
		pass(time.Second)
		require.Empty(t, h.boards[slow].all())
		close(gate)
		h.requireDelivered([]int{0, 1}, []int{slow})
		pass(time.Minute)
		h.requireEqual(one, []int{0, 1, 2, slow})
		h.requireEqual(two, []int{0, 1, 2, slow})
	})
}

// A member that lost its vote store is muted in the group in which it signed, and not in the next
// group, which has the same members (R8).
func TestMutedMemberSignsInALaterGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 4, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		h.votes[3].muted.Store(1)
		h.startAll()
		pass(time.Second)
		h.report(3)
		pass(30 * time.Second)
		require.Empty(t, h.boards[0].all())
		two := h.members(2, 0, 1, 2, 3)
		for i := range 4 {
			require.NoError(t, h.nodes[i].Adopt(t.Context(), two, nil))
		}
		h.requireDelivered([]int{3}, []int{0, 1, 2, 3})
		require.Equal(t, two.ID(), h.boards[0].all()[0].Header.Group)
	})
}

// An application closes a group that it no longer needs. The messages of the open slot go into a
// block of the next group.
func TestClosedGroupGivesItsMessagesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandOver(t, 4, []int{0, 1, 2, 3}, memory.Config{Gossip: true, Delay: constant(linkDelay)})
		defer h.stopAll()
		one, two := h.group, h.members(2, 0, 1, 2, 3)
		h.network.SetDrop(func(f memory.Frame) bool { return wire.Kind(f.Data[0]) == wire.KindEcho })
		h.startAll()
		pass(time.Second)
		h.report(0)
		pass(time.Second)
		for i := range 4 {
			require.NoError(t, h.nodes[i].Adopt(t.Context(), two, nil))
			require.False(t, closed(h.nodes[i], one))
			require.NoError(t, h.nodes[i].CloseGroup(t.Context(), one.ID()))
			require.True(t, closed(h.nodes[i], one))
		}
		h.network.SetDrop(nil)
		h.requireDelivered([]int{0}, []int{0, 1, 2, 3})
		require.Equal(t, two.ID(), h.boards[1].all()[0].Header.Group)
		pass(time.Minute)
		require.Len(t, h.boards[1].all(), 1)

		// After a restart the group is still closed.
		h.restart(0, two)
		require.True(t, closed(h.nodes[0], one))
		require.True(t, h.nodes[0].Groups()[0].Connected, "others may not have closed it yet")
		pass(2 * time.Minute)
		require.False(t, h.nodes[0].Groups()[0].Connected)
	})
}
