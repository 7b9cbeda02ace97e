package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// effectName returns the name of an effect in scripts.
func effectName(effect engine.Effect) string {
	switch e := effect.(type) {
	case broadcast.Persist:
		switch e.Write.(type) {
		case store.PutVote:
			return "persist-vote"
		case store.PutCertified:
			return "persist-certified"
		case store.PutRepaired:
			return "persist-repaired"
		case store.PutEvidence:
			return "persist-evidence"
		case store.PutFork:
			return "persist-fork"
		case store.PutDelivered:
			return "persist-delivered"
		case store.PutGroup:
			return "persist-group"
		case store.PutClosed:
			return "persist-closed"
		}
		return fmt.Sprintf("persist-%T", e.Write)
	case engine.Send:
		return "send-" + wire.KindOf(e.Frame).String()
	case broadcast.SignProposal:
		return "sign-proposal"
	case broadcast.SignEcho:
		return "sign-echo"
	case broadcast.CheckBlock:
		return "check"
	case broadcast.Deliver:
		return "deliver"
	case broadcast.Halt:
		return "halt"
	}
	return fmt.Sprintf("%T", effect)
}

// carryOut does what a runner does with one effect. The application answers at once.
func (c *cluster) carryOut(m *member, effect engine.Effect) {
	ctx, answer := context.Background(), func(e engine.Event) { m.events = append(m.events, e) }
	switch e := effect.(type) {
	case broadcast.Persist:
		c.trace("%d %s %s", m.place, effectName(e), c.describeWrite(e.Write))
		require.NoError(c.t, m.store.Commit(ctx, []store.Write{e.Write}))
	case engine.Send:
		c.send(m.place, c.place(e.To), e.Frame, false)
	case engine.Gossip:
		for i := range c.members {
			if i != m.place {
				c.send(m.place, i, wire.Messages{Messages: []block.Message{e.Message}}, true)
			}
		}
	case broadcast.SignProposal:
		c.trace("%d signs %s", m.place, c.describe(e.Header.Slot(), e.Header.ID()))
		key := c.keys[m.place]
		signed := block.SignedHeader{Header: e.Header, Signature: key.Sign(e.Header.SigningBytes())}
		answer(engine.ProposalSigned{Header: signed, Echo: c.echo(m.place, e.Header.Slot(), e.Header.ID())})
	case broadcast.SignEcho:
		c.trace("%d signs an echo of %s", m.place, c.describe(e.Slot, e.Block))
		answer(engine.EchoSigned{Echo: c.echo(m.place, e.Slot, e.Block)})
	case broadcast.Halt:
		m.halted = e.Reason
		c.trace("%d halts", m.place)
	case broadcast.Refused:
		c.trace("%d refuses %s: %s", m.place, c.describe(e.Slot, e.Block), e.Reason)
	case broadcast.Equivocation:
		c.trace("%d has proof against %d", m.place, c.place(e.Evidence.A.Header.Creator))
	case broadcast.Fork:
		c.trace("%d stops the chain of %d at %s", m.place, c.place(e.Fork.A.Slot.Creator), c.slotName(e.Fork.A.Slot))
	case engine.Answered:
		m.answers = append(m.answers, e.Err)
		if e.Err != nil {
			c.trace("%d tells the client: %v", m.place, e.Err)
		}
	case engine.MarkGroup:
		if e.Number > 1 {
			c.trace("%d marks group %d", m.place, e.Number)
		}
	case engine.GroupRefused:
		c.trace("%d refuses another group %d", m.place, e.Group.Number())
	default:
		c.carryOutApplication(m, effect, answer)
	}
}

// carryOutApplication asks the scripted application, or the store.
func (c *cluster) carryOutApplication(m *member, effect engine.Effect, answer func(engine.Event)) {
	ctx := context.Background()
	switch e := effect.(type) {
	case engine.NextBlock:
		var ids []block.MessageID
		if len(e.Candidates) >= m.enough {
			for _, candidate := range e.Candidates {
				ids = append(ids, candidate.ID())
			}
		}
		answer(engine.Chosen{IDs: ids})
	case broadcast.CheckBlock:
		decision, scripted := m.verdicts[c.place(e.Block.Header.Creator)]
		if !scripted {
			decision = verdict.Accept()
		}
		slot := e.Block.Header.Slot()
		c.trace("%d checks %s: %s", m.place, c.describe(slot, e.Block.ID()), decision.Name())
		answer(engine.Verdict{Slot: slot, Block: e.Block.ID(), Decision: decision})
	case broadcast.Deliver:
		held, err := m.store.Certified(ctx, e.Slot)
		if c.damaged(m, err, answer) {
			answer(engine.Delivered{Slot: e.Slot})
			return
		}
		require.NoError(c.t, err, "what is delivered is durable")
		if m.failing {
			answer(engine.Delivered{Slot: e.Slot})
			return
		}
		what := ""
		if held.Block.Pruned() {
			what = " without its messages"
		}
		c.trace("%d delivers %s%s", m.place, c.describe(e.Slot, held.Block.ID()), what)
		m.delivered = append(m.delivered, e.Slot)
		answer(engine.Delivered{Slot: e.Slot, OK: true})
	case engine.ServeBlock:
		switch held, err := m.store.Block(ctx, e.Block); {
		case c.damaged(m, err, answer):
		case errors.Is(err, store.ErrPruned):
			certified, err := m.store.CertifiedByID(ctx, e.Block)
			require.NoError(c.t, err)
			c.send(m.place, c.place(e.To), wire.Blocks{Blocks: []wire.Held{{Block: certified.Block, Certificate: &certified.Certificate}}}, false)
		case !errors.Is(err, store.ErrNotFound):
			require.NoError(c.t, err)
			c.send(m.place, c.place(e.To), wire.Blocks{Blocks: []wire.Held{{Block: held}}}, false)
		}
	case engine.ServeCertified:
		found, err := m.store.CertifiedFrom(ctx, e.From, wire.MaxBlocks, wire.BatchBytes)
		if c.damaged(m, err, answer) {
			return
		}
		require.NoError(c.t, err)
		var frame wire.Blocks
		for _, held := range found {
			frame.Blocks = append(frame.Blocks, wire.Held{Block: held.Block, Certificate: &held.Certificate})
		}
		if len(found) > 0 {
			c.send(m.place, c.place(e.To), frame, false)
		}
	case engine.LoadGroup:
		state, err := m.store.Load(ctx, e.Group)
		require.NoError(c.t, err)
		answer(engine.Loaded{Group: e.Group, State: state, OK: true})
	case broadcast.FindHeader:
		stored, err := m.store.Certified(ctx, e.Header.Header.Slot())
		if c.damaged(m, err, answer) {
			return
		}
		require.NoError(c.t, err)
		if stored.Block.ID() != e.Header.Header.ID() {
			answer(engine.Conflict{A: stored.Block.SignedHeader, B: e.Header})
		}
	case broadcast.FindFork:
		stored, err := m.store.Certified(ctx, e.Certificate.Slot)
		if c.damaged(m, err, answer) {
			return
		}
		require.NoError(c.t, err)
		if stored.Certificate.Block != e.Certificate.Block {
			answer(engine.Forked{A: stored.Certificate, B: e.Certificate})
		}
	default:
		require.Failf(c.t, "unknown effect", "%T", effect)
	}
}

// damaged tells the engine that the store holds a block in a damaged form, if err says so.
func (c *cluster) damaged(m *member, err error, answer func(engine.Event)) bool {
	var damage *store.CorruptError
	if !errors.As(err, &damage) {
		return false
	}
	if damage.Slot == (block.Slot{}) {
		c.trace("%d finds the block of a vote damaged", m.place)
		return true
	}
	c.trace("%d finds %s damaged", m.place, c.describe(damage.Slot, damage.Block))
	answer(engine.Damaged{Slot: damage.Slot, Block: damage.Block, Certificate: damage.Certificate})
	return true
}

// describe names a block by creator and height. Another block of the same slot gets a prime.
func (c *cluster) describe(slot block.Slot, id block.ID) string {
	known := slices.Index(c.names[slot], id)
	if known < 0 {
		known = len(c.names[slot])
		c.names[slot] = append(c.names[slot], id)
	}
	return c.slotName(slot) + strings.Repeat("'", known)
}

// slotName names a slot by creator and height, and by its group unless that is the first.
func (c *cluster) slotName(slot block.Slot) string {
	name := fmt.Sprintf("%d/%d", c.place(slot.Creator), slot.Height)
	if number := c.groupOf(slot.Group).Number(); number > 1 {
		return fmt.Sprintf("group %d's %s", number, name)
	}
	return name
}

func (c *cluster) describeWrite(write store.Write) string {
	switch w := write.(type) {
	case store.PutVote:
		name := c.describe(w.Block.Header.Slot(), w.Block.ID())
		if w.Again {
			name += " again"
		}
		return name
	case store.PutCertified:
		return c.describe(w.Certificate.Slot, w.Block.ID()) + " by " + c.signers(w.Certificate)
	case store.PutRepaired:
		return c.describe(w.Certificate.Slot, w.Block.ID()) + " by " + c.signers(w.Certificate)
	case store.PutEvidence:
		return fmt.Sprintf("against %d", c.place(w.Evidence.A.Header.Creator))
	case store.PutFork:
		names := []string{c.describe(w.Fork.A.Slot, w.Fork.A.Block), c.describe(w.Fork.B.Slot, w.Fork.B.Block)}
		slices.Sort(names) // their IDs depend on the keys of the test
		return strings.Join(names, " ")
	case store.PutDelivered:
		return c.slotName(w.Slot)
	case store.PutGroup:
		return strconv.FormatUint(w.Group.Number(), 10)
	case store.PutClosed:
		return strconv.FormatUint(c.groupOf(w.Group).Number(), 10)
	}
	return ""
}

func (c *cluster) signers(proof certificate.Certificate) string {
	var places []string
	for _, key := range proof.Members(c.groupOf(proof.Slot.Group)) {
		places = append(places, strconv.Itoa(c.place(key)))
	}
	return strings.Join(places, ",")
}

// describeFrame says what a frame is about.
func (c *cluster) describeFrame(frame wire.Frame) string {
	switch f := frame.(type) {
	case wire.Proposal:
		return c.describe(f.Header.Slot(), f.Header.ID())
	case wire.Echo:
		return c.describe(f.Slot, f.Block)
	case wire.Rejection:
		return c.describe(f.Slot, f.Block)
	case wire.Certificate:
		return c.describe(f.Slot, f.Block) + " by " + c.signers(f.Certificate)
	case wire.GetBlock:
		return c.describe(f.Slot, f.Block)
	case wire.GetCertified:
		return "from " + c.slotName(f.From)
	case wire.GetMessages:
		return fmt.Sprintf("of %d", len(f.IDs))
	case wire.Messages:
		return c.describeMessages(f.Messages)
	case wire.Blocks:
		var names []string
		for _, held := range f.Blocks {
			names = append(names, c.describe(held.Block.Header.Slot(), held.Block.ID()))
		}
		return strings.Join(names, " ")
	case wire.Frontier:
		return fmt.Sprintf("certified %v open %d evidence %v", f.Certified, len(f.Open), f.Evidence)
	case wire.Listing:
		return fmt.Sprintf("of %d", len(f.Messages))
	case wire.Pool:
		return fmt.Sprintf("of %d", len(f.Digests))
	case wire.GetListing:
		return fmt.Sprintf("of %d", len(f.Senders))
	case wire.Closed:
		return c.slotName(f.Slot)
	case wire.Evidence:
		return fmt.Sprintf("against %d", c.place(f.A.Header.Creator))
	}
	return ""
}

func (c *cluster) describeMessages(messages []block.Message) string {
	var texts []string
	for _, m := range messages {
		texts = append(texts, strconv.Quote(string(m.Payload())))
	}
	return strings.Join(texts, " ")
}
