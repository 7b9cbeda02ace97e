package admission_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

var tight = admission.Limits{
	ChecksPerSecond: 100, ChecksBurst: 50, BytesPerSecond: 10_000, BytesBurst: 20_000, ServedPerSecond: 50_000, ServedBurst: 100_000,
	SenderChecksPerSecond: 10, SenderChecksBurst: 5, Wait: 2000,
}

// cost settles a frame of a peer.
func cost(a *admission.Admission, now int64, in admission.Arrival, checks int, valid bool) {
	a.Settle(now, in, a.Decide(now, in), admission.Cost{Checks: checks, Valid: valid})
}

func (c *chains) arrival(from int, frame wire.Frame) admission.Arrival {
	return admission.Arrival{From: c.keys[from], Frame: wire.AssumeDecoded(frame), Bytes: 100}
}

// A peer causes no more work than its burst, its rate and one frame, whenever it sends, and a peer
// that has waited as long as Ready says may send again.
func TestWorkOfAPeerIsBounded(t *testing.T) {
	c := newChains(t)
	rapid.Check(t, func(t *rapid.T) {
		a, now := admission.New(c.keys[0], tight), int64(1000)
		checks, begin := 0, now
		const most = 64
		for range 200 {
			now += rapid.Int64Range(0, 300).Draw(t, "pause")
			if wait := a.Ready(now, c.keys[1]); wait > 0 {
				if rapid.Bool().Draw(t, "patient") {
					require.Positive(t, a.Ready(now+wait-1, c.keys[1]))
					now += wait
					require.Zero(t, a.Ready(now, c.keys[1]))
				}
				continue
			}
			n := rapid.IntRange(0, most).Draw(t, "checks")
			cost(a, now, c.arrival(1, c.frontier()), n, rapid.Bool().Draw(t, "valid"))
			checks += n
			require.LessOrEqual(t, checks, tight.ChecksBurst+int(now-begin)*tight.ChecksPerSecond/1000+1+most)
			require.Zero(t, a.Ready(now, c.keys[2]), "others notice nothing")
		}
	})
}

// A clock that stands still or long pauses do no harm.
func TestBudgetsRefillUpToTheBurst(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], tight)
	cost(a, 5000, c.arrival(1, c.frontier()), 1_000_000, true)
	require.Equal(t, int64(9_999_500), a.Ready(5000, c.keys[1]))
	require.Equal(t, int64(9_999_500), a.Ready(4000, c.keys[1]), "the clock ran backwards")
	require.Zero(t, a.Ready(1<<52, c.keys[1]))
	cost(a, 1<<52, c.arrival(1, c.frontier()), tight.ChecksBurst, true)
	require.Zero(t, a.Ready(1<<52, c.keys[1]))
	cost(a, 1<<52, c.arrival(1, c.frontier()), 1, true)
	require.Positive(t, a.Ready(1<<52, c.keys[1]), "no more than the burst was saved")
}

// Answers are free up to what was asked for within a minute, and if they are valid.
func TestAnswersAreFreeUpToWhatWasAsked(t *testing.T) {
	c := newChains(t)
	messages := wire.Messages{Messages: append(append([]block.Message{}, c.blocks[1][0].Messages...), c.blocks[2][0].Messages...)}
	ids := []block.MessageID{messages.Messages[0].ID(), messages.Messages[1].ID()}
	for name, answer := range map[string]struct {
		request, frame wire.Frame
	}{
		"messages": {wire.GetMessages{IDs: ids}, messages},
		"block":    {wire.GetBlock{}, blocksOf(c.blocks[1][0])},
		"blocks":   {wire.GetCertified{}, blocksOf(c.blocks[1]...)},
		"evidence": {wire.GetEvidence{Creators: []uint32{1}}, evidence(c.blocks[1][0], c.others[1][0])},
		"group":    {wire.GetGroup{Number: 1}, wire.Description{Group: c.group}},
	} {
		a, in := admission.New(c.keys[0], tight), c.arrival(1, answer.frame)
		free := func(now int64) bool { return a.Decide(now, in).Free }
		require.False(t, free(0), name)
		a.Sent(0, c.keys[1], answer.request, 0)
		require.True(t, free(0), name)
		require.False(t, free(0), name)
		a.Sent(0, c.keys[1], answer.request, 0)
		require.True(t, free(45_000), "%s: a slow answer", name)
		a.Sent(50_000, c.keys[1], answer.request, 0)
		require.False(t, free(50_000+61_000), "%s: an answer after a minute", name)

		a.Sent(200_000, c.keys[1], answer.request, 0)
		cost(a, 200_000, in, 1000, true)
		require.Zero(t, a.Ready(200_000, c.keys[1]), name)
		a.Sent(200_000, c.keys[1], answer.request, 0)
		cost(a, 200_000, in, 1000, false)
		require.Positive(t, a.Ready(200_000, c.keys[1]), "%s: a bad signature", name)
	}
	a := admission.New(c.keys[0], tight)
	a.Sent(0, c.keys[1], c.frontier(), 0)
	require.False(t, a.Decide(0, c.arrival(1, messages)).Free, "a frontier asks for nothing")
}

// The sender of a new valid message pays for its gossip. The peer that forwarded it pays for bad
// signatures and for what was there already.
func TestGossipIsPaidByTheSender(t *testing.T) {
	c := newChains(t)
	in := c.arrival(1, wire.Messages{Messages: c.blocks[2][0].Messages})
	in.Gossip = true
	a := admission.New(c.keys[0], tight)
	for range tight.SenderChecksBurst {
		require.Equal(t, admission.Pass, a.Decide(0, in).Action)
		cost(a, 0, in, 1, true)
	}
	cost(a, 0, in, 1, true)
	require.Equal(t, admission.Drop, a.Decide(0, in).Action, "the sender is over its budget")
	require.False(t, a.Overdrawn(0, c.keys[1]), "the peer paid nothing")
	require.Zero(t, a.Ready(0, c.keys[2]), "the sender's own frames are another budget")
	other := c.arrival(1, wire.Messages{Messages: c.blocks[3][0].Messages})
	other.Gossip = true
	require.Equal(t, admission.Pass, a.Decide(0, other).Action, "other senders notice nothing")
	in.Gossip = false
	require.Equal(t, admission.Pass, a.Decide(0, in).Action, "it may be an answer")

	in.Gossip = true
	for name, pay := range map[string]func(a *admission.Admission){
		"bad signatures": func(a *admission.Admission) { cost(a, 0, in, 1, false) },
		"replays":        func(a *admission.Admission) { cost(a, 0, in, 0, true) },
	} {
		a := admission.New(c.keys[0], tight)
		for range 1000 {
			pay(a)
		}
		require.True(t, a.Overdrawn(0, c.keys[1]), name)
		require.Equal(t, admission.Pass, a.Decide(0, other).Action, "%s: the sender paid nothing", name)
	}
}

// A peer that asks for much is slowed, and that is not an offence.
func TestAnswersSlowThePeerDown(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], tight)
	a.Sent(0, c.keys[1], wire.Blocks{}, tight.ServedBurst+2*tight.ServedPerSecond)
	wait := a.Ready(0, c.keys[1])
	require.InDelta(t, 2000, wait, 20)
	require.False(t, a.Overdrawn(0, c.keys[1]))
	require.False(t, a.Waited(c.keys[1], wait, false))
}

// Every second of waiting is an offence.
func TestWaitingIsAnOffenceEachSecond(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], tight)
	a.Charge(0, c.keys[1], 1_000_000)
	require.True(t, a.Overdrawn(0, c.keys[1]))
	offences := 0
	for range 100 {
		if a.Waited(c.keys[1], 100, true) {
			offences++
		}
	}
	require.Equal(t, 10, offences)
}

// However many keys there are, their accounts take bounded memory, and a key without an account of
// its own still has a budget.
func TestAccountsAreBounded(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], tight)
	for i := range 10_000 {
		a.Charge(0, key(i), 30_000) // so that none is idle
	}
	require.Positive(t, a.Ready(0, key(3)))
	require.Positive(t, a.Ready(0, key(9999)))
	require.Positive(t, a.Ready(0, key(20_000)), "it shares the account of those beyond the bound")
	const later = 1 << 40
	a.Charge(later, key(30_000), 1)
	require.Zero(t, a.Ready(later, key(30_000)), "idle accounts were forgotten")
}
