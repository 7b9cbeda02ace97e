package admission_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// decide decides about a frame of the second member.
func (c *chains) decide(a *admission.Admission, frame wire.Frame) admission.Decision {
	return a.Decide(0, admission.Arrival{From: c.keys[1], Frame: wire.AssumeDecoded(frame)})
}

func (c *chains) certify(a *admission.Admission, creator int, height uint64) {
	h := c.held(creator, height)
	a.Note(store.PutCertified{Block: h.Block, Certificate: *h.Certificate})
}

func (c *chains) echo(b block.Block) wire.Echo {
	return wire.Echo{Echo: certificate.Echo{Slot: b.Header.Slot(), Block: b.ID(), Signer: c.keys[1]}}
}

func (c *chains) frontier(open ...block.Block) wire.Frontier {
	f := wire.Frontier{Group: c.group.ID(), Certified: make([]uint64, 4)}
	for _, b := range open {
		f.Open = append(f.Open, b.SignedHeader)
	}
	return f
}

func blocksOf(blocks ...block.Block) wire.Blocks {
	var f wire.Blocks
	for _, b := range blocks {
		f.Blocks = append(f.Blocks, wire.Held{Block: b})
	}
	return f
}

// What concerns a certified slot with the same block is cut down, with another block it is not.
func TestOnlyTheSameBlockIsCutDown(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], admission.Limits{})
	c.certify(a, 1, 1)
	c.certify(a, 1, 2)
	same, other, open := c.blocks[1][0], c.others[1][0], c.blocks[1][2]
	for _, b := range []block.Block{same, c.blocks[1][1]} {
		require.Equal(t, admission.Drop, c.decide(a, wire.Proposal{Proposal: b.Proposal()}).Action)
		require.Equal(t, admission.Drop, c.decide(a, c.echo(b)).Action)
		require.Equal(t, admission.Drop, c.decide(a, blocksOf(b)).Action)
		covered := c.decide(a, wire.Certificate{Certificate: c.proof(b)})
		require.Equal(t, admission.Decision{Action: admission.Cover, Slot: b.Header.Slot()}, covered)
	}
	for _, b := range []block.Block{other, open, c.blocks[2][0]} {
		for _, frame := range []wire.Frame{
			wire.Proposal{Proposal: b.Proposal()}, c.echo(b), blocksOf(b), wire.Certificate{Certificate: c.proof(b)}, c.frontier(b),
		} {
			d := c.decide(a, frame)
			require.Equal(t, admission.Pass, d.Action, "%T", frame)
			require.Equal(t, frame, d.Frame.Unverified())
		}
	}
	require.Equal(t, c.frontier(other, open), c.decide(a, c.frontier(same, other, open, c.blocks[1][1])).Frame.Unverified())
	require.Equal(t, blocksOf(other), c.decide(a, blocksOf(same, other)).Frame.Unverified())
}

// A late echo for the tip of this member's chain joins its certificate.
func TestLateEchoesForTheOwnTipPass(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], admission.Limits{})
	c.certify(a, 0, 1)
	require.Equal(t, admission.Pass, c.decide(a, c.echo(c.blocks[0][0])).Action)
	c.certify(a, 0, 2)
	require.Equal(t, admission.Drop, c.decide(a, c.echo(c.blocks[0][0])).Action)
	require.Equal(t, admission.Pass, c.decide(a, c.echo(c.blocks[0][1])).Action)
}

// An answer to a request stays whole: the certified block may be damaged here.
func TestAnswersStayWhole(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], admission.Limits{})
	c.certify(a, 1, 1)
	frame := blocksOf(c.blocks[1][0])
	a.Sent(0, c.keys[1], wire.GetBlock{Slot: c.blocks[1][0].Header.Slot(), Block: c.blocks[1][0].ID()}, 0)
	require.Equal(t, admission.Drop, a.Decide(0, admission.Arrival{From: c.keys[2], Frame: wire.AssumeDecoded(frame)}).Action, "another member")
	d := c.decide(a, frame)
	require.Equal(t, admission.Pass, d.Action)
	require.True(t, d.Free)
	require.Equal(t, frame, d.Frame.Unverified())
	require.Equal(t, admission.Drop, c.decide(a, frame).Action, "one answer to a request")
}

// Of a creator that equivocated, proposals and open headers are dropped, one by one, and nothing
// else.
func TestOnlyNewBlocksOfBarredChainsAreDropped(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], admission.Limits{})
	for _, creator := range []int{0, 1} {
		e := evidence(c.blocks[creator][0], c.others[creator][0])
		a.Note(store.PutEvidence{Evidence: store.Evidence{A: e.A, B: e.B}})
	}
	b, free, own := c.blocks[1][1], c.blocks[2][1], c.others[0][1]
	require.Equal(t, admission.Drop, c.decide(a, wire.Proposal{Proposal: b.Proposal()}).Action)
	require.Equal(t, c.frontier(free), c.decide(a, c.frontier(b, free)).Frame.Unverified())
	require.Equal(t, c.frontier(own), c.decide(a, c.frontier(own)).Frame.Unverified(), "a header of this member's key may be unknown (R8)")
	for _, frame := range []wire.Frame{
		c.echo(b), blocksOf(b),
		wire.Certificate{Certificate: c.proof(b)},
		wire.Messages{Messages: b.Messages},
		evidence(b, c.others[1][1]),
		wire.GetBlock{Slot: b.Header.Slot(), Block: b.ID()},
	} {
		require.Equal(t, admission.Pass, c.decide(a, frame).Action, "%T", frame)
	}
}

// A frame that was verified before is known, and passes.
func TestVerifiedDuplicatesPass(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], admission.Limits{})
	decoded, err := wire.Decode(c.group, wire.Encode(wire.Proposal{Proposal: c.blocks[1][0].Proposal()}))
	require.NoError(t, err)
	in := admission.Arrival{From: c.keys[1], Frame: decoded}
	require.False(t, a.Decide(0, in).Known)
	a.Add(decoded.Digest())
	d := a.Decide(0, in)
	require.Equal(t, admission.Pass, d.Action)
	require.True(t, d.Known)
	require.Equal(t, decoded, d.Frame)
}

// What is certified is restored at a start, as far as the store names it.
func TestRestoredTipsAndProofsCount(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], admission.Limits{})
	e := evidence(c.blocks[2][0], c.others[2][0])
	a.Restore(c.group.ID(), store.State{
		Chains:   []store.Chain{{Creator: c.keys[1], Certified: 2, Tip: c.blocks[1][1].ID()}},
		Evidence: []store.Evidence{{A: e.A, B: e.B}},
	})
	require.Equal(t, admission.Pass, c.decide(a, wire.Proposal{Proposal: c.blocks[1][0].Proposal()}).Action, "below the tip the block is not known")
	require.Equal(t, admission.Drop, c.decide(a, wire.Proposal{Proposal: c.blocks[1][1].Proposal()}).Action)
	require.Equal(t, admission.Drop, c.decide(a, wire.Proposal{Proposal: c.blocks[2][0].Proposal()}).Action)
}

// Many groups and heights take bounded memory, and what is forgotten is verified.
func TestForgottenSlotsAreLookedAt(t *testing.T) {
	c := newChains(t)
	a := admission.New(c.keys[0], admission.Limits{})
	at := func(group byte, height uint64) wire.Certificate {
		proof := c.proof(c.blocks[1][0])
		proof.Slot.Group[0], proof.Slot.Height, proof.Block = group, height, block.ID{byte(height), byte(height >> 8), group}
		return wire.Certificate{Certificate: proof}
	}
	note := func(group byte, height uint64) {
		f, b := at(group, height), c.blocks[1][0]
		b.Header.Group, b.Header.Height = f.Slot.Group, height
		a.Note(store.PutCertified{Block: b, Certificate: f.Certificate})
	}
	const last = 1000
	for height := uint64(1); height <= last; height++ {
		note(1, height)
	}
	require.Equal(t, admission.Cover, c.decide(a, at(1, last)).Action)
	require.Equal(t, admission.Cover, c.decide(a, at(1, last-60)).Action)
	require.Equal(t, admission.Pass, c.decide(a, at(1, last-70)).Action)
	require.Equal(t, admission.Pass, c.decide(a, at(1, last+1)).Action)
	note(1, last-70)
	note(1, last+500)
	require.Equal(t, admission.Cover, c.decide(a, at(1, last+500)).Action)
	require.Equal(t, admission.Pass, c.decide(a, at(1, last)).Action, "heights between were not noted")
	for group := byte(2); group < 12; group++ {
		note(group, 1)
	}
	require.Equal(t, admission.Pass, c.decide(a, at(1, last+500)).Action)
	require.Equal(t, admission.Cover, c.decide(a, at(11, 1)).Action)
}

// key returns one of many keys.
func key(i int) keys.Public { return keys.Public{byte(i), byte(i >> 8), byte(i >> 16), 1} }
