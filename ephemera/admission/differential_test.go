package admission_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// chains is a group of four, and what three of its members might send to the first: at each height
// of their chains the block that is certified, and another one with the creator's signature.
// Signatures are not checked here, so they are all alike.
type chains struct {
	keys   []keys.Public
	group  *membership.Group
	blocks [4][]block.Block // by creator; height h at h-1
	others [4][]block.Block
}

const heights = 3

// signer makes signatures that nobody checks.
type signer struct{ key keys.Public }

func (s signer) Public() keys.Public      { return s.key }
func (signer) Sign([]byte) keys.Signature { return keys.Signature{1} }

func newChains(t require.TestingT) *chains {
	c := &chains{}
	for i := range 4 {
		c.keys = append(c.keys, keys.FromSeed(sha256.Sum256(fmt.Append(nil, "admission ", i))).Public())
	}
	slices.SortFunc(c.keys, keys.Public.Compare)
	var err error
	c.group, err = membership.NewGroup("admission-test", 1, c.keys, membership.Limits{})
	require.NoError(t, err)
	for creator := range 4 {
		parent := block.ID{}
		for height := uint64(1); height <= heights; height++ {
			b := c.block(t, creator, height, parent, "one")
			c.blocks[creator] = append(c.blocks[creator], b)
			c.others[creator] = append(c.others[creator], c.block(t, creator, height, parent, "two"))
			parent = b.ID()
		}
	}
	return c
}

func (c *chains) block(t require.TestingT, creator int, height uint64, parent block.ID, text string) block.Block {
	m, err := block.NewMessage(signer{c.keys[creator]}, c.group.Network(), "", fmt.Append(nil, text, creator, height), 1000)
	require.NoError(t, err)
	b := block.New(c.group, c.keys[creator], height, parent, 1000, []block.Message{m})
	b.Signature = keys.Signature{1}
	return b
}

// proof returns the certificate of a block. Its signers are the other members: this one halts if it
// meets an echo of its own that it does not know.
func (c *chains) proof(b block.Block) certificate.Certificate {
	return certificate.New(c.group, b.Header.Slot(), b.ID(), map[int]keys.Signature{1: {1}, 2: {1}, 3: {1}})
}

func (c *chains) held(creator int, height uint64) wire.Held {
	b := c.blocks[creator][height-1]
	proof := c.proof(b)
	return wire.Held{Block: b, Certificate: &proof}
}

// member is the first member of the group: an engine that gets every frame, or those that admission
// lets pass.
type member struct {
	*chains
	now       int64
	engine    *engine.Engine
	admission *admission.Admission // nil: everything passes
	stored    map[block.Slot]store.Certified
	evidence  map[keys.Public]bool
	halted    string
	dropped   int
	requests  []engine.Send // not answered yet
}

func newMember(c *chains, a *admission.Admission) *member {
	m := &member{chains: c, admission: a, now: 10_000, stored: map[block.Slot]store.Certified{}, evidence: map[keys.Public]bool{}}
	m.engine = engine.New(engine.Config{Self: c.keys[0]}, []engine.Known{{Group: c.group}})
	m.step(engine.Start{})
	return m
}

func (m *member) step(event engine.Event) {
	for queue := []engine.Event{event}; len(queue) > 0; queue = queue[1:] {
		for _, effect := range m.engine.Step(engine.Input{Now: m.now, Wall: m.now, Event: queue[0]}) {
			if answer := m.carryOut(effect); answer != nil {
				queue = append(queue, answer)
			}
		}
	}
}

func (m *member) carryOut(effect engine.Effect) engine.Event {
	switch e := effect.(type) {
	case broadcast.Persist:
		m.persist(e.Write)
	case broadcast.SignEcho:
		return engine.EchoSigned{Echo: certificate.Echo{Slot: e.Slot, Block: e.Block, Signer: m.keys[0]}}
	case broadcast.CheckBlock:
		return engine.Verdict{Slot: e.Block.Header.Slot(), Block: e.Block.ID(), Decision: verdict.Accept()}
	case broadcast.Deliver:
		return engine.Delivered{Slot: e.Slot, OK: true}
	case broadcast.FindHeader:
		if s := m.stored[e.Header.Header.Slot()].Block; s.ID() != e.Header.Header.ID() {
			return engine.Conflict{A: s.SignedHeader, B: e.Header}
		}
	case broadcast.Halt:
		m.halted = e.Reason
	case engine.NextBlock:
		return engine.Chosen{}
	case engine.Send:
		m.requests = append(m.requests, e)
		if m.admission != nil {
			m.admission.Sent(m.now, e.To, e.Frame, 0)
		}
	}
	return nil
}

func (m *member) persist(write store.Write) {
	switch w := write.(type) {
	case store.PutCertified:
		m.stored[w.Block.Header.Slot()] = store.Certified(w)
	case store.PutEvidence:
		m.evidence[w.Evidence.A.Header.Creator] = true
	}
	if m.admission != nil {
		m.admission.Note(write)
	}
}

// receive hands a frame to the engine, through admission if there is one.
func (m *member) receive(from int, frame wire.Frame) {
	in := admission.Arrival{From: m.keys[from], Frame: wire.AssumeDecoded(frame)}
	d := admission.Decision{Action: admission.Pass, Frame: in.Frame}
	if m.admission != nil {
		d = m.admission.Decide(m.now, in)
	}
	switch d.Action {
	case admission.Pass:
		m.step(engine.Received{From: in.From, Frame: wire.AssumeVerified(d.Frame.Unverified())})
	case admission.Cover:
		m.step(engine.Covered{From: in.From, Slot: d.Slot})
	}
	if d.Action != admission.Pass {
		m.dropped++
	}
}

// pass lets time pass, in which members answer requests.
func (m *member) pass(milliseconds int64) {
	m.now += milliseconds
	m.step(engine.Tick{})
	requests := m.requests
	m.requests = nil
	for _, r := range requests {
		from, _ := m.group.Index(r.To)
		if answer := m.answerTo(r.Frame); answer != nil {
			m.receive(from, answer)
		}
	}
}

func (c *chains) answerTo(frame wire.Frame) wire.Frame {
	switch f := frame.(type) {
	case wire.GetBlock:
		creator, _ := c.group.Index(f.Slot.Creator)
		return wire.Blocks{Blocks: []wire.Held{{Block: c.blocks[creator][f.Slot.Height-1]}}}
	case wire.GetCertified:
		creator, _ := c.group.Index(f.From.Creator)
		answer := wire.Blocks{}
		for height := f.From.Height; height <= heights; height++ {
			answer.Blocks = append(answer.Blocks, c.held(creator, height))
		}
		if len(answer.Blocks) > 0 {
			return answer
		}
	case wire.GetEvidence:
		a, b := c.blocks[f.Creators[0]][0], c.others[f.Creators[0]][0]
		return evidence(a, b)
	}
	return nil
}

func evidence(a, b block.Block) wire.Evidence {
	if a.ID().Compare(b.ID()) > 0 {
		a, b = b, a
	}
	return wire.Evidence{A: a.SignedHeader, B: b.SignedHeader}
}

// drawFrame draws a frame that a member may send. Without double it contains no second block of a
// slot.
func (c *chains) drawFrame(t *rapid.T, double bool) wire.Frame {
	creator := rapid.IntRange(1, 3).Draw(t, "creator")
	height := rapid.IntRange(1, heights).Draw(t, "height")
	b := c.blocks[creator][height-1]
	maybeOther := b
	if double && rapid.IntRange(0, 3).Draw(t, "other") == 0 {
		maybeOther = c.others[creator][height-1]
	}
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0, 1:
		return wire.Proposal{Proposal: maybeOther.Proposal()}
	case 2:
		return wire.Certificate{Certificate: c.proof(b)}
	case 3:
		return wire.Blocks{Blocks: []wire.Held{c.held(creator, uint64(height)), {Block: maybeOther}}}
	case 4:
		return wire.Messages{Messages: maybeOther.Messages}
	case 5:
		return wire.Echo{Echo: certificate.Echo{Slot: maybeOther.Header.Slot(), Block: maybeOther.ID(), Signer: c.keys[creator%3+1]}}
	case 6:
		if double && rapid.IntRange(0, 9).Draw(t, "evidence") == 0 {
			return evidence(b, c.others[creator][height-1])
		}
	}
	f := wire.Frontier{Group: c.group.ID(), Certified: make([]uint64, 4)}
	for i := 1; i < 4; i++ {
		f.Certified[i] = uint64(rapid.IntRange(0, heights).Draw(t, "certified"))
		if rapid.Bool().Draw(t, "open") {
			open := c.blocks
			if double && rapid.IntRange(0, 3).Draw(t, "other") == 0 {
				open = c.others
			}
			f.Open = append(f.Open, open[i][rapid.IntRange(0, heights-1).Draw(t, "height")].SignedHeader)
		}
	}
	return f
}

// An engine that is fed through admission certifies the same blocks and finds the same proofs as
// one that gets every frame, in every order. Without equivocation it is the same at every moment.
func TestAdmissionLosesNothing(t *testing.T) {
	c, dropped := newChains(t), 0
	rapid.Check(t, func(t *rapid.T) {
		all, admitted := newMember(c, nil), newMember(c, admission.New(c.keys[0], admission.Limits{}))
		double := rapid.Bool().Draw(t, "double")
		for range rapid.IntRange(1, 60).Draw(t, "frames") {
			frame, from, wait := c.drawFrame(t, double), rapid.IntRange(1, 3).Draw(t, "from"), rapid.Int64Range(0, 2000).Draw(t, "wait")
			for _, m := range []*member{all, admitted} {
				m.receive(from, frame)
				m.pass(wait / 10 * (wait % 2))
			}
			if !double {
				require.Equal(t, all.state(), admitted.state())
			}
			require.Equal(t, all.evidence, admitted.evidence)
		}
		claim := wire.Frontier{Group: c.group.ID(), Certified: []uint64{0, heights, heights, heights}}
		for _, m := range []*member{all, admitted} {
			m.receive(2, claim)
			for range 100 {
				m.pass(500)
			}
			require.Empty(t, m.halted)
		}
		require.Equal(t, all.state(), admitted.state())
		require.Equal(t, all.evidence, admitted.evidence)
		dropped += admitted.dropped
	})
	require.Positive(t, dropped)
}

// state returns the certified heights and tips.
func (m *member) state() string {
	status, _ := m.engine.Status(m.group.ID())
	return fmt.Sprint(status.Heights, status.Tips)
}
