package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// quiet makes a cluster in which no member makes blocks and nothing is traced.
func quiet(t *testing.T, include mempool.Include, limits membership.Limits) *cluster {
	c := newCluster(t, 4, engine.Config{Include: include}, limits)
	for i, m := range c.members {
		m.enough = 1 << 30
		c.start(i)
	}
	c.hear()
	return c
}

// sent returns the frames of type F that one member sent to another since a point of the history.
func sent[F wire.Frame](c *cluster, since, from, to int) (frames []F) {
	for _, p := range c.history[since:] {
		if f, ok := p.frame.(F); ok && p.from == from && p.to == to && !p.gossip {
			frames = append(frames, f)
		}
	}
	return frames
}

// list gives a member a listing of another with these messages.
func (c *cluster) list(from, to int, messages ...block.Message) {
	var f wire.Listing
	for _, m := range messages {
		f.Messages = append(f.Messages, wire.Listed{ID: m.ID(), Sender: m.Sender()})
	}
	c.receiveFrom(from, to, f)
}

// junk gives a member a listing of as many messages as fit, none of which exists.
func (c *cluster) junk(from, to int, salt byte) {
	f := wire.Listing{Messages: make([]wire.Listed, wire.MaxListings)}
	for i := range f.Messages {
		f.Messages[i].ID = block.MessageID{salt, byte(i), byte(i >> 8)}
	}
	c.receiveFrom(from, to, f)
}

// unverified makes messages whose signatures are not valid, for tests behind the border.
type unverified struct{ key keys.Public }

func (u unverified) Public() keys.Public      { return u.key }
func (unverified) Sign([]byte) keys.Signature { return keys.Signature{} }

func (c *cluster) message(sender int, text string) block.Message {
	m, err := block.NewMessage(c.keys[sender], network, "note", []byte(text), c.now)
	require.NoError(c.t, err)
	return m
}

// The answers to one request are not larger than a block (R6).
func TestAnswersAreBounded(t *testing.T) {
	limits := membership.Limits{PayloadBytes: 100_000, BlockMessages: 64, BlockBytes: 2 << 20}
	c := quiet(t, mempool.Own, limits)
	c.cut = []filter{{from: -1, to: -1, kind: "gossip"}}
	var request wire.GetMessages
	for i := range 60 {
		m := c.submit(0, fmt.Sprint(i, strings.Repeat("x", 90_000)))
		request.IDs = append(request.IDs, m.ID())
	}
	since := len(c.history)
	c.receiveFrom(1, 0, request)
	total := 0
	for _, f := range sent[wire.Messages](c, since, 0, 1) {
		size := 0
		for _, m := range f.Messages {
			size += m.Size()
		}
		require.LessOrEqual(t, size, wire.BatchBytes)
		total += size
	}
	require.LessOrEqual(t, total, int(limits.BlockBytes))
	require.Greater(t, total, int(limits.BlockBytes)-wire.BatchBytes, "not much smaller than a block")
}

// A member that asks for the same bodies over and over is sent a few blocks' worth a second. It
// takes nothing from another member, and is answered again after a while (R6).
func TestOneMemberIsServedAFewBlocksASecond(t *testing.T) {
	limits := membership.Limits{PayloadBytes: 100_000, BlockMessages: 64, BlockBytes: 2 << 20}
	c := quiet(t, mempool.Own, limits)
	c.cut = []filter{{from: -1, to: -1, kind: "gossip"}}
	var request wire.GetMessages
	for i := range 20 {
		m := c.submit(0, fmt.Sprint(i, strings.Repeat("x", 90_000)))
		request.IDs = append(request.IDs, m.ID())
	}
	ask := func(from, times int) (bytes int) {
		since := len(c.history)
		for range times {
			c.receiveFrom(from, 0, request)
		}
		for _, f := range sent[wire.Messages](c, since, 0, from) {
			for _, m := range f.Messages {
				bytes += m.Size()
			}
		}
		return bytes
	}
	blocks := func(n int) int { return n * int(limits.BlockBytes) }
	first := ask(1, 1000)
	require.Greater(t, first, blocks(3))
	require.LessOrEqual(t, first, blocks(5))
	require.Zero(t, ask(1, 1000))
	require.Greater(t, ask(2, 1), blocks(1)/2, "another member")
	total := 0
	for range 10 {
		c.now += 1000
		total += ask(1, 1000)
	}
	require.Greater(t, total, blocks(18))
	require.LessOrEqual(t, total, blocks(21))
	c.advance(60_000, false)
	require.Greater(t, ask(1, 1000), blocks(3))
}

// A body is requested from one member per round. A member that lists messages and never sends them
// delays others by three rounds, no matter what else it lists to make this one forget (R6).
func TestOneMemberIsAskedARound(t *testing.T) {
	c := quiet(t, mempool.All, membership.Limits{})
	wanted := c.message(3, "wanted")
	asked := func(peer int) bool {
		since := len(c.history)
		c.list(peer, 0, wanted)
		return len(sent[wire.GetMessages](c, since, 0, peer)) > 0
	}
	round, salt := int64(1200), byte(0)
	require.True(t, asked(1))
	require.False(t, asked(2), "member 1 was asked already")
	for range 2 {
		for range 9 {
			salt++
			c.junk(1, 0, salt)
		}
		c.advance(round, false)
		require.True(t, asked(1), "a new round")
	}
	require.True(t, asked(2), "member 1 has had its rounds")
}

// A message that the application refused is not fetched again. A block that holds it is still
// completed (R2).
func TestRefusedMessageIsNotFetchedAgain(t *testing.T) {
	c := quiet(t, mempool.All, membership.Limits{})
	refused := c.message(3, "refused")
	c.list(1, 0, refused)
	require.Len(t, sent[wire.GetMessages](c, 0, 0, 1), 1)
	c.members[0].judge = func(block.Message) verdict.Decision { return verdict.Reject("no") }
	c.receiveFrom(1, 0, wire.Messages{Messages: []block.Message{refused}})
	require.Len(t, c.members[0].asked, 1)
	require.Zero(t, c.status(0).Messages)
	c.advance(5000, false)
	c.list(1, 0, refused)
	require.Len(t, sent[wire.GetMessages](c, 0, 0, 1), 1)

	b := c.forge(3, 1, block.ID{}, "refused")
	require.Equal(t, b.Messages[0].Label(), refused.Label())
	c.receiveFrom(3, 0, wire.Proposal{Proposal: b.Proposal()})
	c.receiveFrom(3, 0, wire.Messages{Messages: b.Messages})
	require.Len(t, sent[wire.Echo](c, 0, 0, 3), 1)
}

// A body that did not fit into its sender's bytes is not fetched again while they are full, no
// matter who lists it (R6).
func TestWhatDoesNotFitIsFetchedOnce(t *testing.T) {
	c := newCluster(t, 4, engine.Config{Include: mempool.All, Mempool: mempool.Limits{SenderBytes: 400_000}}, membership.Limits{})
	for i, m := range c.members {
		m.enough = 1 << 30
		c.start(i)
	}
	c.cut = []filter{{from: -1, to: -1, kind: "gossip"}}
	large := func(i int) block.Message { return c.message(3, fmt.Sprint(i, strings.Repeat("x", 150_000))) }
	for i := range 2 {
		c.receiveFrom(1, 0, wire.Messages{Messages: []block.Message{large(i)}})
	}
	require.Equal(t, 2, c.status(0).Messages)
	since, third := len(c.history), large(2)
	for range 5 {
		for from := 1; from < 4; from++ {
			c.list(from, 0, third)
			c.receiveFrom(from, 0, wire.Messages{Messages: []block.Message{third}})
		}
		c.advance(1500, false)
	}
	require.Equal(t, 2, c.status(0).Messages)
	fetched := 0
	for from := 1; from < 4; from++ {
		fetched += len(sent[wire.GetMessages](c, since, 0, from))
	}
	require.Equal(t, 1, fetched)
}

// A restart empties the mempool. Messages that this member's key signed before the restart go into
// its own block when other members send them back, and no others do.
func TestOwnMessageThatComesBackIsIncluded(t *testing.T) {
	c := newCluster(t, 4, engine.Config{Include: mempool.Own}, membership.Limits{})
	own, others := c.message(0, "own"), c.message(1, "of another")
	c.now += 1000
	for i := range 4 {
		c.start(i)
	}
	c.cut = []filter{{from: -1, to: 1, kind: "messages"}}
	c.now += 1000
	later := c.message(0, "submitted elsewhere")
	c.receiveFrom(2, 0, wire.Messages{Messages: []block.Message{others, own, later}})
	c.advance(5000, true)
	require.Equal(t, []uint64{1, 0, 0, 0}, c.status(3).Delivered)
	certified, err := c.members[3].store.Certified(t.Context(), block.Slot{Group: c.group.ID(), Creator: c.keys[0].Public(), Height: 1})
	require.NoError(t, err)
	require.Equal(t, []block.MessageID{own.ID()}, certified.Block.MessageIDs())
}

// Proof of two blocks in a slot far ahead ends the echoing on the chain like any other proof. It is
// kept once, so an equivocator gains nothing by proving itself at a height that nobody has reached
// (R3).
func TestProofAtAnyHeightEndsEchoing(t *testing.T) {
	c := quiet(t, mempool.All, membership.Limits{})
	c.submit(3, "there")
	a, b := c.forge(3, 1<<40, block.ID{1}, "a"), c.forge(3, 1<<40, block.ID{1}, "b")
	if x, y := a.ID(), b.ID(); x.Compare(y) > 0 {
		a, b = b, a
	}
	c.receiveFrom(1, 0, wire.Evidence{A: a.SignedHeader, B: b.SignedHeader})
	next := c.forge(3, 1, block.ID{}, "there")
	for i := range 2 {
		c.receiveFrom(3, i, wire.Proposal{Proposal: next.Proposal()})
		c.receiveFrom(3, i, wire.Messages{Messages: next.Messages})
	}
	require.Empty(t, sent[wire.Echo](c, 0, 0, 3))
	require.Len(t, sent[wire.Echo](c, 0, 1, 3), 1, "a member without proof echoes")
}

// A creator that lists more than a block may hold is found out before members hold more than one
// block's bytes (R2).
func TestOversizedProposalIsRejectedEarly(t *testing.T) {
	limits := membership.Limits{PayloadBytes: 1000, BlockMessages: 64, BlockBytes: 3000}
	c := quiet(t, mempool.All, limits)
	var texts []string
	for i := range 20 {
		texts = append(texts, fmt.Sprint(i, strings.Repeat("x", 900)))
	}
	b := c.forge(3, 1, block.ID{}, texts...)
	c.receiveFrom(liar, 0, wire.Proposal{Proposal: b.Proposal()})
	for i, m := range b.Messages {
		c.receiveFrom(liar, 0, wire.Messages{Messages: []block.Message{m}})
		require.Equal(t, i >= 2, len(sent[wire.Rejection](c, 0, 0, 3)) == 1, "three messages are more than a block")
	}
	require.Len(t, sent[wire.Rejection](c, 0, 0, 3), 1)
}

// An echo with this member's signature that its votes do not know halts the node. One that they
// know does not (R8).
func TestOwnUnknownEchoHalts(t *testing.T) {
	c := quiet(t, mempool.Own, membership.Limits{})
	known, unknown := c.forge(3, 1, block.ID{}, "known"), c.forge(2, 1, block.ID{}, "unknown")
	for _, frame := range []wire.Frame{wire.Messages{Messages: known.Messages}, wire.Proposal{Proposal: known.Proposal()}} {
		c.receiveFrom(3, 0, frame)
	}
	c.receiveFrom(1, 0, wire.Echo{Echo: c.echo(0, known.Header.Slot(), known.ID())})
	require.Empty(t, c.members[0].halted)
	c.receiveFrom(1, 0, wire.Echo{Echo: c.echo(0, unknown.Header.Slot(), unknown.ID())})
	require.Contains(t, c.members[0].halted, "vote store does not know it")
}

// In a closed group nothing more is signed. So an unknown own echo does not halt the node, and the
// block that it certified is delivered (R8, R9).
func TestClosedGroupDeliversWhatTheVotesDoNotKnow(t *testing.T) {
	c := newCluster(t, 4, engine.Config{}, membership.Limits{})
	newer, err := membership.NewGroup(network, 2, c.group.Members(), membership.Limits{})
	require.NoError(t, err)
	e := engine.New(engine.Config{Self: c.keys[0].Public()}, []engine.Known{{Group: newer}, {Group: c.group, Closed: true}})
	e.Step(engine.Input{Now: c.now, Wall: c.now, Event: engine.Start{}})
	b := c.forge(3, 1, block.ID{}, "old")
	proof := c.certify(b, 0, 1, 3)
	frame := wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &proof}}}
	effects := e.Step(engine.Input{Now: c.now, Wall: c.now, Event: engine.Received{From: c.keys[1].Public(), Frame: wire.AssumeVerified(frame)}})
	require.Contains(t, effects, engine.Effect(broadcast.Persist{Write: store.PutCertified{Block: b, Certificate: proof}}))
}

// No f members can fill a mempool: each has its share, whatever the size of its messages.
func TestMempoolIsSharedOut(t *testing.T) {
	limits := membership.Limits{PayloadBytes: 1000, BlockMessages: 64, BlockBytes: 4000}
	c := newCluster(t, 4, engine.Config{Include: mempool.Own, Mempool: mempool.Limits{Messages: 40, Bytes: 40_000}}, limits)
	c.members[0].enough = 1 << 30
	c.start(0)
	for i := range 40 {
		c.step(0, engine.Submitted{Message: c.message(3, fmt.Sprint(i))})
		c.step(0, engine.Submitted{Message: c.message(2, fmt.Sprint(i, strings.Repeat("x", 900)))})
	}
	require.Less(t, c.status(0).Messages, 21)
	c.members[0].answers = nil
	c.submit(0, strings.Repeat("y", 1000))
	require.Equal(t, []error{nil}, c.members[0].answers)
}

// A frame that was not verified cannot get in by mistake.
func TestUnverifiedFramePanics(t *testing.T) {
	c := quiet(t, mempool.Own, membership.Limits{})
	require.Panics(t, func() { c.step(0, engine.Received{From: c.keys[1].Public()}) })
}

// A full listing of unknown messages is the cheapest way to keep a member busy. This measures its
// cost when all memories are full.
func BenchmarkListingOfUnknownMessages(b *testing.B) {
	c := newCluster(b, 4, engine.Config{}, membership.Limits{})
	c.start(0)
	for i := range 9 {
		c.junk(1, 0, byte(200+i))
	}
	for b.Loop() {
		c.junk(1, 0, 1)
		c.flight, c.history = nil, nil
	}
}

// A request or frame full of messages that nobody needs costs the same in a group of any size, with
// a block of many messages open on every chain.
func BenchmarkUnknownMessages(b *testing.B) {
	for _, n := range []int{4, 100} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			c := newCluster(b, n, engine.Config{}, membership.Limits{})
			c.start(0)
			for i := 1; i < n; i++ {
				open := c.forge(i, 1, block.ID{}, "open").Proposal()
				for k := range 100 {
					open.IDs = append(open.IDs, block.MessageID{byte(i), byte(k), 1})
				}
				c.receiveFrom(i, 0, wire.Proposal{Proposal: open})
			}
			request := wire.GetMessages{IDs: make([]block.MessageID, wire.MaxListings)}
			for i := range request.IDs {
				request.IDs[i] = block.MessageID{byte(i), byte(i >> 8), 2}
			}
			for b.Loop() {
				c.receiveFrom(1, 0, request)
				c.flight, c.history = nil, nil
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*wire.MaxListings), "ns/message")
		})
	}
}

// Each message of a frame full of unwanted messages costs as much as a single one.
func BenchmarkRefusedMessages(b *testing.B) {
	for _, count := range []int{1, 1000, 40_000} {
		b.Run(fmt.Sprintf("messages=%d", count), func(b *testing.B) {
			c := newCluster(b, 4, engine.Config{}, membership.Limits{})
			c.start(0)
			c.members[0].judge = func(block.Message) verdict.Decision { return verdict.Reject("no") }
			var f wire.Messages
			for i := range count {
				m, err := block.NewMessage(unverified{c.keys[1].Public()}, network, "note", fmt.Append(nil, i), c.now)
				require.NoError(b, err)
				f.Messages = append(f.Messages, m)
			}
			for b.Loop() {
				c.receiveFrom(1, 0, f)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/message")
		})
	}
}
