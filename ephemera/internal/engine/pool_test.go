package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// many makes messages of a sender.
func (c *cluster) many(sender block.Signer, count int) (messages []block.Message) {
	for i := range count {
		m, err := block.NewMessage(sender, network, "note", fmt.Append(nil, i), c.now)
		require.NoError(c.t, err)
		messages = append(messages, m)
	}
	return messages
}

// hold puts messages into a member's mempool, as if another member had sent them.
func (c *cluster) hold(i int, messages ...block.Message) {
	for batch := range slices.Chunk(messages, wire.MaxListings) {
		c.receiveFrom((i+1)%len(c.members), i, wire.Messages{Messages: batch})
	}
}

func idsOf(messages []block.Message) []block.MessageID {
	ids := block.Block{Messages: messages}.MessageIDs()
	slices.SortFunc(ids, func(a, b block.MessageID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// digest gives a member another's digest of these messages, all of one sender.
func (c *cluster) digest(from, to int, messages ...block.Message) {
	c.receiveFrom(from, to, wire.Pool{Digests: []wire.SenderDigest{
		{Sender: messages[0].Sender(), Digest: block.DigestMessages(network, idsOf(messages))},
	}})
}

func without(kinds ...string) (cut []filter) {
	for _, kind := range kinds {
		cut = append(cut, filter{from: -1, to: -1, kind: kind})
	}
	return cut
}

// Without gossip every member gets every message, however many there are (R6).
func TestEveryMessageSpreadsByDigests(t *testing.T) {
	c := quiet(t, mempool.Own, membership.Limits{})
	c.cut = without("gossip")
	const each = 1000
	for sender := range 3 {
		c.hold(0, c.many(c.keys[sender], each)...)
	}
	c.advance(15_000, true)
	for i := range c.members {
		require.Equal(t, 3*each, c.status(i).Messages, "member %d", i)
	}
	for i := range c.members {
		for _, f := range sent[wire.Listing](c, 0, 0, i) {
			require.LessOrEqual(t, len(f.Messages), wire.MaxListings)
		}
	}
}

// One sender's messages may be more than fit into one listing.
func TestLongListingsComeInParts(t *testing.T) {
	c := newCluster(t, 2, engine.Config{Mempool: mempool.Limits{Messages: 5000, PerSender: 2500}}, membership.Limits{})
	for i, m := range c.members {
		m.enough = 1 << 30
		c.start(i)
	}
	c.hold(0, c.many(c.keys[0], 2400)...)
	c.advance(15_000, true)
	require.Equal(t, 2400, c.status(1).Messages)
}

// What only differs, and for good, costs one listing and nothing later. This is so when members
// include or refuse different messages.
func TestDifferenceThatNobodyWantsIsListedOnce(t *testing.T) {
	c := quiet(t, mempool.All, membership.Limits{})
	messages := c.many(c.keys[3], 30)
	for i := range c.members {
		c.hold(i, messages[:20+i]...)
	}
	for i, m := range c.members {
		m.judge = func(block.Message) verdict.Decision { return verdict.Reject("no") }
		c.receiveFrom((i+1)%4, i, wire.Messages{Messages: messages[20+i:]})
	}
	c.advance(10_000, true)
	since := len(c.history)
	c.advance(300_000, true)
	for i := range c.members {
		require.Equal(t, 20+i, c.status(i).Messages)
		for j := range c.members {
			require.LessOrEqual(t, len(sent[wire.GetListing](c, 0, i, j)), 1, "%d asks %d", i, j)
			require.Empty(t, sent[wire.GetListing](c, since, i, j))
		}
	}
}

// The messages of this member's block leave the mempool at once, and those of slower members later.
// What these members name then is not asked for, and neither is an older digest of it.
func TestWhatAnOwnBlockTookIsNotAskedFor(t *testing.T) {
	c := quiet(t, mempool.All, membership.Limits{})
	for _, m := range c.members {
		m.enough = 3
	}
	messages := c.many(c.keys[3], 3)
	c.hold(0, messages[:2]...)
	c.advance(3000, true)
	c.hold(0, messages[2])
	c.advance(100, true)
	require.Zero(t, c.status(0).Messages, "this member's block has them")
	since := len(c.history)
	c.digest(1, 0, messages...)
	c.digest(2, 0, messages[:2]...)
	c.advance(30_000, true)
	require.Empty(t, sent[wire.GetListing](c, since, 0, 1))
	require.Empty(t, sent[wire.GetListing](c, since, 0, 2))
}

// A digest of which one member has listed everything, and nothing is wanted, is asked of no other
// member, until something may be wanted.
func TestOneListingSettlesADigest(t *testing.T) {
	c := quiet(t, mempool.Own, membership.Limits{})
	refused := c.many(c.keys[3], 3)
	c.members[0].judge = func(block.Message) verdict.Decision { return verdict.Reject("no") }
	// Only member 1 has them.
	c.cut = append(without("gossip"), filter{from: 1, to: 2}, filter{from: 1, to: 3})
	c.hold(1, refused...)
	c.digest(1, 0, refused...)
	c.advance(5000, true)
	asked := func() int { return len(sent[wire.GetListing](c, 0, 0, 1)) + len(sent[wire.GetListing](c, 0, 0, 2)) }
	before := asked()
	require.Positive(t, before)
	c.digest(2, 0, refused...)
	c.advance(5000, true)
	require.Equal(t, before, asked())
	c.grow()
	c.step(0, engine.Adopt{Group: c.group}) // the sender may be accepted now
	c.advance(5000, true)
	require.Greater(t, asked(), before)
}

// A digest counts as repaired only when the listing has arrived: a lost one is asked for again.
func TestLostListingIsAskedForAgain(t *testing.T) {
	for _, lost := range []string{"get_listing", "listing", "get_messages", "messages"} {
		t.Run(lost, func(t *testing.T) {
			c := quiet(t, mempool.Own, membership.Limits{})
			c.hold(1, c.many(c.keys[3], 3)...)
			c.cut = without(lost)
			c.advance(4000, true)
			require.Zero(t, c.status(0).Messages)
			c.cut = nil
			c.advance(3000, true)
			require.Equal(t, 3, c.status(0).Messages)
		})
	}
}

// A listing that leaves out what its digest covers does not end the asking.
func TestListingOfSomethingElseRepairsNothing(t *testing.T) {
	c := quiet(t, mempool.Own, membership.Limits{})
	messages := c.many(c.keys[3], 3)
	c.hold(0, messages[:2]...)
	asked := func() int { return len(sent[wire.GetListing](c, 0, 0, 1)) }
	c.digest(1, 0, messages...)
	require.Equal(t, 1, asked())
	c.receiveFrom(1, 0, wire.Listing{})
	c.receiveFrom(1, 0, wire.Listing{Messages: []wire.Listed{{ID: messages[0].ID(), Sender: messages[0].Sender()}}})
	c.advance(1500, false)
	require.Equal(t, 2, asked())
}

// A member asks nobody for messages of a sender for whom it has no room, and asks again when there
// is room.
func TestFullShareIsNotAskedFor(t *testing.T) {
	c := newCluster(t, 4, engine.Config{Include: mempool.All, Mempool: mempool.Limits{PerSender: 2}}, membership.Limits{})
	for i, m := range c.members {
		m.enough = 1 << 30
		c.start(i)
	}
	messages := c.many(c.keys[3], 4)
	c.hold(0, messages[:2]...)
	c.hold(1, messages[2:]...)
	c.advance(20_000, true)
	require.Empty(t, sent[wire.GetListing](c, 0, 0, 1))
	require.Equal(t, 2, c.status(0).Messages)
}

// A sender is asked for from one member a round, first from itself, and then from those who were
// not asked for the longest time. So a liar whose digests always change delays others by its turn.
func TestListingsAreAskedForInTurn(t *testing.T) {
	c := quiet(t, mempool.Own, membership.Limits{})
	c.advance(1200, false)
	wanted := c.many(unverified{keys.Public{9}}, 9)
	asked := func(peer int) int { return len(sent[wire.GetListing](c, 0, 0, peer)) }
	c.digest(1, 0, wanted[0])
	c.digest(2, 0, wanted[1])
	require.Equal(t, []int{1, 0}, []int{asked(1), asked(2)}, "member 1 was asked in this round")
	for lie := 2; asked(2) == 0; lie++ {
		c.advance(1000, false)
		c.digest(1, 0, wanted[lie])
	}
	require.LessOrEqual(t, asked(1), 2)

	before := asked(1)
	own := c.many(c.keys[3], 2)
	c.digest(1, 0, own[0])
	c.digest(3, 0, own...)
	require.Equal(t, []int{before + 1, 1}, []int{asked(1), asked(3)}, "the sender itself is always asked")
}

// A member whose digests change at once when it is asked is not asked at the pace of the network.
func TestChangingDigestsAreAskedForAtOnePace(t *testing.T) {
	c := quiet(t, mempool.Own, membership.Limits{})
	for _, m := range c.many(unverified{c.keys[3].Public()}, 300) {
		c.digest(3, 0, m)
		c.advance(10, false)
	}
	asked := len(sent[wire.GetListing](c, 0, 0, 3))
	require.Greater(t, asked, 2)
	require.LessOrEqual(t, asked, 8, "in three seconds")
}

// Digests that always change, of as many senders as fit, and requests for listings are answered by
// fewer bytes than they have, or by one listing in a while.
func TestLiesAboutDigestsAreAnsweredBriefly(t *testing.T) {
	c := quiet(t, mempool.Own, membership.Limits{})
	for sender := range 4 {
		c.hold(0, c.many(c.keys[sender], 300)...)
	}
	c.advance(20_000, false)
	c.flight = nil
	since, received := len(c.history), 0
	give := func(f wire.Frame) {
		received += len(wire.Encode(f))
		c.receiveFrom(1, 0, f)
	}
	const seconds = 30
	for k := range 10 * seconds {
		var lie wire.Pool
		get, listing := wire.GetListing{Senders: c.group.Members()}, wire.Listing{}
		for i := range 200 {
			lie.Digests = append(lie.Digests, wire.SenderDigest{Sender: keys.Public{byte(i), byte(k)}, Digest: block.Digest{byte(k), 1}})
			listing.Messages = append(listing.Messages, wire.Listed{ID: block.MessageID{byte(i), byte(k)}, Sender: keys.Public{byte(i)}})
		}
		give(lie)
		give(get)
		give(listing)
		c.advance(100, false)
	}
	bytes := 0
	for _, p := range c.history[since:] {
		if p.from == 0 && p.to == 1 {
			bytes += len(p.data)
		}
	}
	require.Less(t, bytes, received+seconds*2*1024*70)
	t.Logf("received %d bytes, sent %d", received, bytes)
}

// A member that left a sender's messages behind answers a request by saying so.
func TestNothingToListIsSaid(t *testing.T) {
	c := quiet(t, mempool.Own, membership.Limits{})
	gone := c.message(3, "gone")
	c.digest(1, 0, gone)
	require.Len(t, sent[wire.GetListing](c, 0, 0, 1), 1)
	c.quiesce()
	require.Equal(t, []wire.Pool{{Digests: []wire.SenderDigest{{Sender: gone.Sender()}}}}, sent[wire.Pool](c, 0, 1, 0))
	c.advance(60_000, true)
	require.Len(t, sent[wire.GetListing](c, 0, 0, 1), 1)
}

// Members that hold the same messages send each other next to nothing, even if f senders have
// filled their share of every mempool.
func TestFullMempoolsAreQuiet(t *testing.T) {
	n := 31
	if !testing.Short() {
		n = 100
	}
	require.Less(t, quietBytes(t, n), 40.0*float64(n))
}

// quietBytes returns the bytes that a member of a group sends in a second while nothing changes,
// over the ten minutes after f senders have filled their share of every mempool.
func quietBytes(t testing.TB, n int) float64 {
	c := newCluster(t, n, engine.Config{Include: mempool.All}, membership.Limits{})
	for i, m := range c.members {
		m.enough = 1 << 30
		c.start(i)
	}
	var full []block.Message
	share := mempool.Limits{}.Share(c.group).PerSender
	for sender := range c.group.F() {
		full = append(full, c.many(unverified{c.keys[sender].Public()}, share)...)
	}
	for i := range c.members {
		c.hold(i, full...)
	}
	c.advance(3000, true)
	bytes, since := 0, len(c.history)
	c.advance(600_000, true)
	for _, p := range c.history[since:] {
		bytes += len(p.data)
	}
	require.Equal(t, len(full), c.status(n-1).Messages)
	return float64(bytes) / 600 / float64(n)
}

// What a quiet second costs each member of a group of a hundred with full mempools.
func BenchmarkQuietSecondOfFullMempools(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(quietBytes(b, 100), "bytes/s")
	}
}
