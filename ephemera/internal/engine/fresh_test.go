package engine_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// started returns a cluster of which only member 0 has started: the test speaks for the others.
func started(t *testing.T) *cluster {
	c := newCluster(t, 4, engine.Config{}, membership.Limits{})
	c.start(0)
	return c
}

// answer lets a member answer member 0's request for its frontier. The nonce of a cluster's starts
// is zero.
func (c *cluster) answer(from int, nonce wire.Nonce, heights []uint64, open ...block.SignedHeader) {
	f := wire.Frontier{Group: c.group.ID(), Certified: heights, Open: open}
	c.receiveFrom(from, 0, wire.Fresh{Nonce: nonce, Frontier: f})
}

func (c *cluster) nothing() []uint64 { return make([]uint64, c.group.N()) }

// propose offers member 0 a block of member 3.
func (c *cluster) propose(b block.Block) {
	c.receiveFrom(3, 0, wire.Messages{Messages: b.Messages})
	c.receiveFrom(3, 0, wire.Proposal{Proposal: b.Proposal()})
}

// echoes returns the blocks for which member 0 has sent an echo.
func (c *cluster) echoes() (ids []block.ID) {
	for _, f := range sent[wire.Echo](c, 0, 0, 3) {
		ids = append(ids, f.Block)
	}
	return ids
}

// A member that started asks every other for its frontier, and makes neither a vote nor a block
// before q-1 others have answered, each counted once, with the nonce of this start (R8).
func TestNoNewVoteBeforeFreshFrontiers(t *testing.T) {
	c := started(t)
	for i := 1; i < 4; i++ {
		require.Equal(t, []wire.GetFrontier{{Group: c.group.ID()}}, sent[wire.GetFrontier](c, 0, 0, i))
	}
	b := c.forge(3, 1, block.ID{}, "block")
	c.propose(b)
	c.submit(0, "own")
	silent := func() {
		t.Helper()
		require.Empty(t, c.echoes())
		require.Empty(t, sent[wire.Proposal](c, 0, 0, 1))
		require.Empty(t, c.stored(0).Chains)
	}
	silent()
	for range 3 {
		c.answer(1, wire.Nonce{}, c.nothing())
		silent() // one of two
	}
	c.answer(2, wire.Nonce{7}, c.nothing())
	silent() // to an earlier start
	c.receiveFrom(2, 0, wire.Frontier{Group: c.group.ID(), Certified: c.nothing()})
	silent()
	c.advance(20_000, false)
	silent()
	c.answer(2, wire.Nonce{}, c.nothing())
	require.Equal(t, []block.ID{b.ID()}, c.echoes())
	require.Len(t, sent[wire.Proposal](c, 0, 0, 1), 1)
}

// The request is repeated until enough members have answered, and then no more.
func TestFreshFrontiersAreAskedForAgain(t *testing.T) {
	c := started(t)
	asked := func(i int) int { return len(sent[wire.GetFrontier](c, 0, 0, i)) }
	c.advance(30_000, false)
	require.Greater(t, asked(1), 6)
	require.Less(t, asked(1), 15)
	c.answer(1, wire.Nonce{}, c.nothing())
	before, heard := asked(2), asked(1)
	c.advance(30_000, false)
	require.Greater(t, asked(2), before)
	require.Equal(t, heard, asked(1), "it has answered")
	c.step(0, engine.Connected{Peer: c.keys[3].Public()})
	c.step(0, engine.Connected{Peer: c.keys[1].Public()})
	require.Equal(t, heard, asked(1))
	c.answer(3, wire.Nonce{}, c.nothing())
	before = asked(2)
	c.advance(60_000, false)
	require.Equal(t, before, asked(2))
}

// What is claimed above the certified height is pulled before the member votes on that chain. A
// claim that leads to nothing delays it for a bounded time, and no other chain.
func TestClaimsArePulledBeforeVotes(t *testing.T) {
	c := started(t)
	first := c.forge(3, 1, block.ID{}, "first")
	second := c.forge(3, 2, first.ID(), "second")
	claims := []uint64{0, 0, 1 << 40, 1}
	c.answer(1, wire.Nonce{}, claims)
	c.answer(2, wire.Nonce{}, claims)
	c.submit(0, "own")
	require.Len(t, sent[wire.Proposal](c, 0, 0, 1), 1, "its own chain waits for nothing")
	c.propose(first)
	require.Empty(t, c.echoes(), "the claimed block may be another")
	proof := c.certify(first, 1, 2, 3)
	c.receiveFrom(1, 0, wire.Blocks{Blocks: []wire.Held{{Block: first, Certificate: &proof}}})
	c.propose(second)
	require.Equal(t, []block.ID{second.ID()}, c.echoes())

	other := c.forge(2, 1, block.ID{}, "on the chain with the false claim")
	c.receiveFrom(2, 0, wire.Messages{Messages: other.Messages})
	c.receiveFrom(2, 0, wire.Proposal{Proposal: other.Proposal()})
	c.advance(4_900, false)
	require.Empty(t, sent[wire.Echo](c, 0, 0, 2))
	c.advance(200, false)
	require.Len(t, sent[wire.Echo](c, 0, 0, 2), 1)
}

// A header of this member's key in these frontiers that its votes do not know halts it before it
// signs another.
func TestForgottenOwnBlockHaltsBeforeAnother(t *testing.T) {
	for _, height := range []uint64{1, 2, 9} {
		t.Run(fmt.Sprint("height ", height), func(t *testing.T) {
			c := started(t)
			c.submit(0, "another")
			c.answer(1, wire.Nonce{}, c.nothing())
			parent := block.ID{}
			if height > 1 {
				parent[0] = 1
			}
			forgotten := c.forge(0, height, parent, "forgotten")
			c.answer(2, wire.Nonce{}, c.nothing(), forgotten.SignedHeader)
			require.Contains(t, c.members[0].halted, "vote store does not know it")
			require.Empty(t, sent[wire.Proposal](c, 0, 0, 1))
			require.Empty(t, c.stored(0).Chains)
		})
	}
}

// A header above a claim is looked at once the claim is pulled. So a member that forgot its echo
// does not echo another block of the slot.
func TestHeadersAboveTheClaimsAreRemembered(t *testing.T) {
	c := started(t)
	first := c.forge(3, 1, block.ID{}, "first")
	seen, other := c.forge(3, 2, first.ID(), "seen"), c.forge(3, 2, first.ID(), "other")
	claims := []uint64{0, 0, 0, 1}
	c.answer(1, wire.Nonce{}, claims, seen.SignedHeader)
	c.answer(2, wire.Nonce{}, claims)
	proof := c.certify(first, 1, 2, 3)
	c.receiveFrom(1, 0, wire.Blocks{Blocks: []wire.Held{{Block: first, Certificate: &proof}}})
	c.propose(other)
	require.Empty(t, c.echoes())
	require.Len(t, sent[wire.Evidence](c, 0, 0, 1), 1)
}

// While a member waits, it sends what it has signed before, and answers others. All that start
// together hear each other.
func TestWaitingMembersAnswer(t *testing.T) {
	c := newCluster(t, 4, engine.Config{}, membership.Limits{})
	for i := range 4 {
		c.start(i)
	}
	c.hear()
	c.cut = []filter{{from: 1, to: -1, kind: "echo"}, {from: 2, to: -1, kind: "echo"}}
	c.submit(3, "block")
	c.quiesce()
	require.Len(t, c.echoes(), 1)
	for i := range 4 {
		c.stop(i)
	}
	c.flight = nil
	c.advance(1000, false)
	c.start(0)
	c.start(3)
	c.cut = []filter{{from: 1, to: -1}, {from: 2, to: -1}}
	c.quiesce()
	require.Len(t, c.echoes(), 2, "the stored echo, before anybody else is there")
	require.NotEmpty(t, sent[wire.Fresh](c, 0, 0, 3))
	require.NotEmpty(t, sent[wire.Fresh](c, 0, 3, 0))

	c.start(1)
	c.start(2)
	c.cut = nil
	c.advance(10_000, true)
	require.Equal(t, uint64(1), c.status(2).Delivered[3])
	c.submit(2, "new")
	c.quiesce()
	require.Equal(t, uint64(1), c.status(1).Delivered[2])
}

// A frontier that is asked for shows headers younger than a round. One member's requests are
// answered at a bounded pace.
func TestFreshFrontierIsOfTheMoment(t *testing.T) {
	c := quiet(t, 0, membership.Limits{})
	c.advance(1000, true)
	b := c.forge(3, 1, block.ID{}, "young")
	c.receiveFrom(3, 0, wire.Proposal{Proposal: b.Proposal()})
	since, nonce := len(c.history), wire.Nonce{9}
	for range 10 {
		c.receiveFrom(1, 0, wire.GetFrontier{Group: c.group.ID(), Nonce: nonce})
	}
	answers := sent[wire.Fresh](c, since, 0, 1)
	require.Len(t, answers, 1)
	require.Equal(t, nonce, answers[0].Nonce)
	require.Equal(t, []block.SignedHeader{b.SignedHeader}, answers[0].Frontier.Open)
	c.advance(200, false)
	c.receiveFrom(1, 0, wire.GetFrontier{Group: c.group.ID(), Nonce: nonce})
	require.Len(t, sent[wire.Fresh](c, since, 0, 1), 2)
}

// Nobody waits in a group of one, a closed group, or one in which it is muted: it asks nobody.
func TestNothingToWaitFor(t *testing.T) {
	c := newCluster(t, 1, engine.Config{}, membership.Limits{})
	c.start(0)
	c.submit(0, "alone")
	require.Equal(t, uint64(1), c.status(0).Delivered[0])

	c = newCluster(t, 4, engine.Config{}, membership.Limits{})
	for _, known := range []engine.Known{{Group: c.group, Muted: true}, {Group: c.group, Closed: true}} {
		e := engine.New(engine.Config{Self: c.keys[0].Public()}, []engine.Known{known})
		for _, effect := range e.Step(engine.Input{Now: c.now, Wall: c.now, Event: engine.Start{}}) {
			if send, ok := effect.(engine.Send); ok {
				require.NotEqual(t, wire.KindGetFrontier, wire.KindOf(send.Frame))
			}
		}
	}
}

// A group that rests here, or is closed, is open at another member that has just started: it is
// answered.
func TestRestingGroupAnswers(t *testing.T) {
	key := testKeys(4)
	var public []keys.Public
	for _, k := range key {
		public = append(public, k.Public())
	}
	var known []engine.Known
	for number := uint64(1); number <= 8; number++ {
		g, err := membership.NewGroup(network, number, public, membership.Limits{})
		require.NoError(t, err)
		known = append(known, engine.Known{Group: g, Closed: number < 8})
	}
	e := engine.New(engine.Config{Self: key[0].Public()}, known)
	step := func(now int64, event engine.Event) []engine.Effect {
		return e.Step(engine.Input{Now: epoch + now, Wall: epoch + now, Event: event})
	}
	step(0, engine.Start{})
	step(20_000, engine.Tick{})
	for _, k := range known {
		nonce := wire.Nonce{byte(k.Group.Number())}
		effects := step(20_001, engine.Received{From: key[1].Public(), Frame: wire.AssumeVerified(wire.GetFrontier{Group: k.Group.ID(), Nonce: nonce})})
		answers := 0
		for _, effect := range effects {
			if send, ok := effect.(engine.Send); ok && send.To == key[1].Public() {
				if f, ok := send.Frame.(wire.Fresh); ok && f.Nonce == nonce && f.Frontier.Group == k.Group.ID() {
					answers++
				}
			}
		}
		require.Equal(t, 1, answers, "group %d", k.Group.Number())
	}
}
