package simulation

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// carryOutAll carries out the engine's effects in order. With Batch, a step's persists are one
// commit before everything else.
func (n *node) carryOutAll(effects []engine.Effect) {
	if n.w.schedule.Batch {
		for _, effect := range effects {
			if persist, ok := effect.(broadcast.Persist); ok && n.up {
				n.persist(persist.Write)
			}
		}
	}
	for _, effect := range effects {
		if !n.up || n.halted != "" {
			return
		}
		n.carryOut(effect)
		n.mayCrash()
	}
}

// mayCrash counts an effect, or a part of one, and crashes the node if the schedule says so.
func (n *node) mayCrash() {
	n.effects++
	for _, f := range n.crashes {
		if f.Step == n.effects && n.up && !n.w.healed() {
			n.crash(f.For)
		}
	}
}

func (n *node) carryOut(effect engine.Effect) {
	if n.server == nil || !n.server.charge(effect) {
		n.execute(effect)
	}
}

// execute carries out an effect now.
func (n *node) execute(effect engine.Effect) {
	switch e := effect.(type) {
	case broadcast.Persist:
		if !n.w.schedule.Batch {
			n.persist(e.Write)
		}
	case engine.Send:
		n.sendTo(n.w.places[e.To], e.Frame)
	case engine.Gossip:
		n.gossip(e.Message)
	case broadcast.SignProposal:
		n.signProposal(e.Header)
	case broadcast.SignEcho:
		n.w.check.echo(n, e.Slot, e.Block)
		n.pending = append(n.pending, engine.EchoSigned{Echo: n.echo(e.Slot, e.Block)})
	case engine.MarkGroup:
		n.files.group = max(n.files.group, e.Number)
	case broadcast.Halt:
		n.halt(e.Reason)
	case broadcast.Refused:
		n.w.trace.add(n.w.now, 'r', n.place, 0, prefix(e.Block))
		n.w.trace.printf(n.w.now, "%d refuses %s: %s", n.place, n.w.slot(e.Slot), e.Reason)
	case broadcast.Postponed:
		n.w.check.postponed(n, e)
	case broadcast.Equivocation:
		n.w.trace.add(n.w.now, 'q', n.place, n.w.places[e.Evidence.A.Header.Creator], e.Evidence.A.Header.Height)
		n.w.trace.printf(n.w.now, "%d has proof against %d", n.place, n.w.places[e.Evidence.A.Header.Creator])
	case broadcast.Fork:
		n.w.check.chainStopped(n, e.Fork.A.Slot)
		n.w.trace.add(n.w.now, 'F', n.place, n.w.places[e.Fork.A.Slot.Creator], e.Fork.A.Slot.Height)
		n.w.trace.printf(n.w.now, "%d stops the chain of %s", n.place, n.w.slot(e.Fork.A.Slot))
	case engine.Answered:
		n.w.check.answered(n, e.Ticket, e.Err)
	case engine.GroupFound:
		n.found(e.Group)
	case engine.GroupRefused:
		n.w.check.violate("R9", "node %d refuses group %d", n.place, e.Group.Number())
	default:
		n.carryOutQuery(effect)
	}
}

// carryOutQuery carries out an effect that the application or the store answers.
func (n *node) carryOutQuery(effect engine.Effect) {
	n.twin.answers(effect)
	switch e := effect.(type) {
	case engine.Recall:
		n.pending = append(n.pending, engine.Recalled{Since: e.Since, Included: n.included(e.Since)})
	case engine.NextBlock:
		var chosen []block.MessageID
		if !n.byzantine.suppressesBlocks() {
			chosen = n.app.NextBlock(n.clock(), e.Candidates)
		}
		n.answer(engine.Chosen{IDs: chosen})
	case engine.CheckMessage:
		n.checkMessage(e.Message)
	case broadcast.CheckBlock:
		d := n.app.CheckBlock(n.clock(), e.Block, e.Own)
		slot, id := e.Block.Header.Slot(), n.w.idOf(&e.Block)
		n.w.check.judged(n, slot, id, d)
		n.answer(engine.Verdict{Slot: slot, Block: id, Decision: d})
	case broadcast.Deliver:
		n.deliver(e.Slot)
	case engine.ServeBlock:
		n.serveBlock(e)
	case engine.ServeCertified:
		blocks, err := n.disk.from(e.From)
		if first, ok := n.disk.certified(e.From); ok && n.damaged(err, &first) {
			return
		}
		if len(blocks) > 0 {
			n.w.check.served(n, blocks)
			n.sendTo(n.w.places[e.To], wire.Blocks{Blocks: blocks})
		}
	case engine.LoadGroup:
		loaded := engine.Loaded{Group: e.Group}
		if g := n.disk.find(e.Group); g != nil {
			loaded.State, loaded.OK = g.load(), true
			n.twin.compare()
		}
		n.reply(loaded)
	case broadcast.FindHeader:
		stored, ok := n.disk.certified(e.Header.Header.Slot())
		if ok && stored.Block.ID() != e.Header.Header.ID() {
			n.reply(engine.Conflict{A: stored.Block.SignedHeader, B: e.Header})
		}
	case broadcast.FindFork:
		stored, ok := n.disk.certified(e.Certificate.Slot)
		if ok && stored.Certificate.Block != e.Certificate.Block {
			n.reply(engine.Forked{A: stored.Certificate, B: e.Certificate})
		}
	default:
		panic(fmt.Sprintf("simulation: unknown effect %T", effect))
	}
}

// serveBlock sends a stored block to a member, unless it is damaged.
func (n *node) serveBlock(e engine.ServeBlock) {
	b, ok := n.disk.block(e.Slot, e.Block)
	if !ok || b.Signature == (keys.Signature{}) {
		return
	}
	stored, certified := n.disk.certified(e.Slot)
	if certified && n.damaged(n.disk.check(e.Block, b), &stored) {
		return
	}
	held := wire.Held{Block: b}
	if certified && b.Pruned() {
		held.Certificate = &stored.Certificate
	}
	n.w.check.served(n, []wire.Held{held})
	n.sendTo(n.w.places[e.To], wire.Blocks{Blocks: []wire.Held{held}})
}

// reply gives the engine an answer after at most AppDelay.
func (n *node) reply(event engine.Event) { n.replyAfter(event, 0) }

// replyAfter is reply after a wait in microseconds.
func (n *node) replyAfter(event engine.Event, more int64) {
	n.queries++
	wait := int64(hash(n.w.schedule.Seed, 11, uint64(n.place), n.queries) % uint64(n.w.schedule.AppDelay*1000+1))
	n.w.queue.push(n.w.now+more+wait, task{kind: answer, to: int32(n.place), incarnation: n.incarnation, event: event})
}

// persist makes a write durable, and counts votes outside the store. If the disk fails, the node
// stops and comes back later, and the write may still be durable.
func (n *node) persist(w store.Write) {
	n.useDisk()
	if n.failing > 0 && !n.w.healed() {
		away := n.failing
		n.failing = 0
		if n.failsLate {
			n.commit(w)
		}
		n.crash(away)
		return
	}
	err := n.commit(w)
	switch {
	case errors.Is(err, store.ErrVoted), errors.Is(err, store.ErrConflict):
		n.halt(err.Error())
	case err != nil:
		n.w.check.violate("runner", "node %d: persist %T: %v", n.place, w, err)
	default:
		if _, vote := w.(store.PutVote); vote {
			n.mayCrash()
		}
		if n.up {
			n.countVote(w)
			n.remember()
		}
	}
}

// commit makes a write durable on the disk, and in the real store next to it.
func (n *node) commit(w store.Write) error {
	err := n.disk.commit(w)
	n.twin.commit(w, err)
	if err == nil {
		n.w.trace.add(n.w.now, 'p', n.place, 0, uint64(n.effects))
		n.noteWritten(w)
		n.w.check.persisted(n, w)
	}
	return err
}

// halt is what the runner does for broadcast.Halt: mute the node for good, and stop it.
func (n *node) halt(reason string) {
	n.halted = reason
	n.w.trace.add(n.w.now, 'h', n.place, 0, 0)
	n.w.trace.printf(n.w.now, "%d halts: %s", n.place, reason)
	n.w.check.halted(n, reason)
}

func (n *node) signProposal(header block.Header) {
	n.w.check.header(n, header)
	signed := block.SignedHeader{Header: header, Signature: n.key.Sign(header.SigningBytes())}
	n.pending = append(n.pending, engine.ProposalSigned{Header: signed, Echo: n.echo(header.Slot(), header.ID())})
}

func (n *node) echo(slot block.Slot, id block.ID) certificate.Echo {
	return certificate.Echo{
		Slot: slot, Block: id, Signer: n.key.Public(), Signature: n.key.Sign(certificate.SigningBytes(network, slot, id)),
	}
}

// sendTo sends a frame. The frames of a Byzantine member go through its adversary.
func (n *node) sendTo(to int, frame wire.Frame) {
	if n.server != nil && n.server.reads {
		n.server.answers = append(n.server.answers, engine.Send{To: n.w.nodes[to].key.Public(), Frame: frame})
		return
	}
	if n.byzantine != nil {
		n.byzantine.sendFromEngine(to, frame)
		return
	}
	n.count(frame)
	n.w.check.sends(n, to, frame)
	n.noteSent(to, frame)
	n.w.send(n.place, to, frame)
}

func (n *node) count(frame wire.Frame) {
	switch frame.(type) {
	case wire.Proposal, wire.Echo, wire.Certificate:
		n.w.stats.Protocol++
	}
}

// gossip publishes a message to all nodes.
func (n *node) gossip(m block.Message) {
	frame := wire.Messages{Messages: []block.Message{m}}
	for i := range n.w.nodes {
		if i == n.place {
			continue
		}
		if n.byzantine != nil {
			n.byzantine.sendFromEngine(i, frame)
			continue
		}
		n.w.stats.Frames++
		if n.w.options.Measure {
			n.w.meter.add(n.place, frame, true)
		}
		o := task{kind: arrival, frame: frame}
		if n.w.schedule.Real {
			o.data = wire.Encode(frame)
			n.w.stats.Bytes += int64(len(o.data))
		}
		n.w.carry(n.place, i, o, true)
	}
}

// deliver hands a block to the application. The cursor of the block below is made durable first, so
// that after a crash at most the last block is delivered again.
func (n *node) deliver(slot block.Slot) {
	n.disk.sync()
	n.twin.sync()
	held, ok := n.disk.certified(slot)
	if !ok {
		n.w.check.violate("delivery", "node %d delivers %s before it is stored", n.place, n.w.slot(slot))
		return
	}
	if n.damaged(n.disk.check(held.Certificate.Block, held.Block), &held) {
		n.reply(engine.Delivered{Slot: slot})
		return
	}
	n.queries++
	fails := int(hash(n.w.schedule.Seed, 12, uint64(n.place), n.queries)%1000) < n.w.schedule.AppFails && !n.w.healed()
	n.w.trace.add(n.w.now, 'D', n.place, n.w.places[slot.Creator], slot.Height)
	if n.w.trace.out != nil {
		n.w.trace.printf(n.w.now, "%d delivers %s", n.place, n.w.slot(slot))
	}
	n.w.check.delivered(n, slot, held, !fails)
	if !fails {
		n.app.DeliverBlock(n.clock(), held)
	}
	n.answer(engine.Delivered{Slot: slot, OK: !fails})
}

// slot names a slot by the group's number, the creator's node and the height.
func (w *world) slot(s block.Slot) string {
	number := uint64(0)
	for _, g := range w.groups {
		if g.ID() == s.Group {
			number = g.Number()
		}
	}
	return fmt.Sprintf("%d:%d/%d", number, w.places[s.Creator], s.Height)
}

// prefix returns the first bytes of an ID as a number.
func prefix(id block.ID) uint64 {
	h := uint64(0)
	for _, b := range id[:8] {
		h = h<<8 | uint64(b)
	}
	return h
}
