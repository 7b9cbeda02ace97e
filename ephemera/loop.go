package ephemera

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// loop is the one goroutine that owns the engine. It steps through the events that have arrived,
// makes all writes of these steps durable in one commit, and then carries out the other effects in
// order: nothing is signed or sent before the write that it depends on is on disk. See batch for
// which events share a commit.
type loop struct {
	*Node
	ctx     context.Context
	reading requests // for the store reader
	headers []read   // headers and certificates to compare: at most readHeaders
	compare bool     // the next read is of a header, because the last was a request
	answers map[uint64]chan<- error
	ticket  uint64
	queue   []engine.Event // for flush to step through
	waiting call           // it came while a batch was gathered; nil: none
	relaxed []store.Write  // wait for the next commit
	took    time.Duration  // duration of the last commit
	// delivering holds the chains of which the application has a block, as slots of height 0.
	delivering map[block.Slot]bool
	encoded    []byte // the frame that was sent last in this flush
	groups     groups
	dials      bool // the loop sets the transport's peers
}

func newLoop(n *Node) *loop {
	return &loop{Node: n, answers: make(map[uint64]chan<- error), delivering: make(map[block.Slot]bool)}
}

func (l *loop) run(ctx context.Context) error {
	l.ctx = ctx
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer func() {
		for _, answer := range l.answers {
			answer <- ErrStopped
		}
	}()
	var start engine.Start
	_, _ = rand.Read(start.Nonce[:]) // it never fails
	if err := l.step(start); err != nil {
		return err
	}
	for {
		if f := l.waiting; f != nil {
			l.waiting = nil
			if err := l.runCalls(f); err != nil {
				return err
			}
			continue
		}
		timer.Reset(l.clock.until(l.deadline()))
		var reads chan<- read
		first, some := l.nextRead()
		if some {
			reads = l.reads
		}
		var err error
		select {
		case reads <- first:
			l.readTaken(first)
		case <-ctx.Done():
			return l.commit(l.relaxed)
		case <-timer.C:
			err = l.tick()
		case <-l.wake:
			err = l.step(engine.Wake{})
		case event := <-l.damage.found:
			err = l.step(event)
		case f := <-l.calls:
			err = l.runCalls(f)
		case event := <-l.inbox:
			events := l.drain(event, batchEvents)
			l.shares.leave(events...)
			err = l.step(events...)
		}
		if err != nil {
			return err
		}
	}
}

// deadline returns when the next tick is due.
func (l *loop) deadline() int64 {
	if at := l.groups.deadline(); at != 0 {
		return min(at, l.engine.Deadline())
	}
	return l.engine.Deadline()
}

func (l *loop) tick() error {
	if at := l.groups.deadline(); at != 0 && at <= l.clock.now() {
		l.disconnect()
	}
	return l.step(engine.Tick{})
}

// drain takes the other events that have arrived, but returns at most count, so that they share a
// commit.
func (l *loop) drain(first engine.Event, count int) []engine.Event {
	events := []engine.Event{first}
	for len(events) < count {
		select {
		case event := <-l.inbox:
			events = append(events, event)
		default:
			return events
		}
	}
	return events
}

// runCalls runs a call and those that wait after it.
func (l *loop) runCalls(f call) error {
	if err := f(l); err != nil {
		return err
	}
	for len(l.queue) < batchEvents {
		select {
		case f = <-l.calls:
			if err := f(l); err != nil {
				return err
			}
		default:
			return l.flush()
		}
	}
	return l.flush()
}

// submit queues a client's message. The result is sent to answer.
func (l *loop) submit(m block.Message, group membership.ID, answer chan<- error) {
	l.ticket++
	l.answers[l.ticket] = answer
	l.queue = append(l.queue, engine.Submitted{Ticket: l.ticket, Message: m, Group: group})
}

func (l *loop) step(events ...engine.Event) error {
	l.queue = append(l.queue, events...)
	return l.flush()
}

// flush steps through the queue until it is empty. Carrying out effects may add events, such as
// signatures.
func (l *loop) flush() error {
	for len(l.queue) > 0 {
		b := batch{loop: l}
		later := b.stepQueue()
		if later == nil {
			later = b.gather()
		}
		if err := l.persist(b.effects); err != nil {
			return err
		}
		for _, effect := range b.effects {
			if err := l.carryOut(effect); err != nil {
				return err
			}
		}
		l.encoded = nil
		l.queue = append(l.queue, later...)
	}
	return nil
}

// persist commits the writes of a batch. Relaxed writes, which are delivery cursors and late
// echoes, wait for the next commit. That saves one commit for each block. But no block of a chain
// is delivered before the cursor of the one below is durable, so that after a crash at most the
// last block is delivered again.
func (l *loop) persist(effects []engine.Effect) error {
	var writes []store.Write
	delivers := false
	for _, effect := range effects {
		switch e := effect.(type) {
		case broadcast.Deliver:
			delivers = true
		case broadcast.Persist:
			if e.Relaxed {
				l.relaxed = append(l.relaxed, e.Write)
			} else {
				writes = append(writes, e.Write)
			}
		}
	}
	if len(writes) == 0 && !(delivers && len(l.relaxed) > 0) && len(l.relaxed) < batchEvents {
		return nil
	}
	if err := l.commit(append(writes, l.relaxed...)); err != nil {
		return err
	}
	l.undelivered.note(writes)
	return nil
}

func (l *loop) commit(writes []store.Write) error {
	if len(writes) == 0 {
		return nil
	}
	start := time.Now()
	err := l.write(l.ctx, writes)
	if err == nil && store.HoldVotes(writes) {
		if err := l.whileRefused(l.ctx, l.config.Votes.CountVotes); err != nil {
			return fmt.Errorf("count votes (repair the disk, then start again; nothing was signed): %w", err)
		}
	}
	l.took = time.Since(start)
	switch {
	case errors.Is(err, store.ErrVoted), errors.Is(err, store.ErrConflict):
		return l.haltSafely(err)
	case err != nil:
		return fmt.Errorf("persist %d writes (repair the store, then start again; nothing was signed): %w", len(writes), err)
	}
	l.relaxed = nil
	l.gate.note(writes)
	l.noteCertified(writes)
	return nil
}

// carryOut carries out an effect other than a write.
func (l *loop) carryOut(effect engine.Effect) error {
	switch e := effect.(type) {
	case broadcast.Persist:
		if closed, ok := e.Write.(store.PutClosed); ok {
			l.closed(closed.Group)
		}
	case engine.Send:
		l.send(e)
	case engine.MarkGroup:
		return l.markGroup(e.Number)
	case engine.GroupFound:
		return l.found(e.Group)
	case engine.GroupRefused:
		l.log.Error("group refused: its number belongs to another group", "number", e.Group.Number(), "group", e.Group.ID().String())
	case engine.Gossip:
		l.config.Transport.Publish(wire.EncodeMessages([]block.Message{e.Message}))
	case broadcast.SignProposal:
		header := block.SignedHeader{Header: e.Header, Signature: l.config.Key.Sign(e.Header.SigningBytes())}
		l.queue = append(l.queue, engine.ProposalSigned{Header: header, Echo: l.echo(e.Header.Slot(), e.Header.ID())})
	case broadcast.SignEcho:
		l.queue = append(l.queue, engine.EchoSigned{Echo: l.echo(e.Slot, e.Block)})
	case broadcast.CheckBlock:
		l.checkBlock(e)
	case broadcast.Deliver:
		l.delivering[chainOf(e.Slot)] = true
		l.tasks.put(task{kind: deliverBlock, slot: e.Slot, held: e.Held})
	case engine.CheckMessage:
		l.askAbout(e.Message)
	case engine.NextBlock:
		l.nextBlock(e)
	case engine.Recall:
		return l.recall(e.Since)
	case engine.ServeBlock:
		l.read(read{to: e.To, block: e.Block})
	case engine.ServeCertified:
		l.read(read{to: e.To, from: &e.From})
	case engine.LoadGroup:
		l.read(read{group: &e.Group})
	case broadcast.FindHeader:
		l.read(read{header: &e.Header})
	case broadcast.FindFork:
		l.read(read{proof: &e.Certificate})
	case broadcast.Fork:
		l.forked(e.Fork)
	case engine.Answered:
		l.answer(e)
	case broadcast.Refused:
		l.log.Warn("block refused", "slot", e.Slot.String(), "block", e.Block.Short(), "own", e.Own, "reason", e.Reason)
	case broadcast.Postponed:
		l.postponed(e)
	case broadcast.Equivocation:
		l.tasks.put(task{kind: observeEquivocation, slot: e.Evidence.A.Header.Slot(), evidence: e.Evidence})
		l.log.Error("member signed two blocks for one slot; its chain stops here", "slot", e.Evidence.A.Header.Slot().String())
	case broadcast.Halt:
		return l.haltSafely(errors.New(e.Reason))
	default:
		panic(fmt.Sprintf("ephemera: unknown effect %T", effect))
	}
	return nil
}

func (l *loop) checkBlock(e broadcast.CheckBlock) {
	l.tasks.put(task{kind: checkBlock, slot: e.Block.Header.Slot(), block: e.Block})
}

// send sends a frame. A frame for several members is encoded once. An answer for which a member's
// queue has no room is not encoded at all: the member asks again (R7).
func (l *loop) send(e engine.Send) {
	if e.Answer && !l.config.Transport.HasRoom(e.To, wire.MostBytes(e.Frame)) {
		return
	}
	if !e.Again {
		l.encoded = wire.Encode(e.Frame)
	}
	l.gate.sends(e.To, e.Frame, len(l.encoded))
	l.config.Transport.Send(e.To, l.encoded)
}

// haltSafely mutes the node before it stops, because a supervisor may start it again at once.
func (l *loop) haltSafely(reason error) error {
	number := l.view.Load().own(l.groups.self).Number() // votes may be missing in any group
	err := fmt.Errorf("%w: %w; from now on it signs no block in groups up to %d", ErrHalted, reason, number)
	return errors.Join(err, l.config.Votes.Mute(number))
}

// markGroup records outside the store that this node signs in a group (R8).
func (l *loop) markGroup(number uint64) error {
	if err := l.whileRefused(l.ctx, func() error { return l.config.Votes.BeginGroup(number) }); err != nil {
		return fmt.Errorf("begin group %d: %w", number, err)
	}
	return nil
}

func (l *loop) echo(slot block.Slot, id block.ID) certificate.Echo {
	signature := l.config.Key.Sign(certificate.SigningBytes(l.config.Group.Network(), slot, id))
	return certificate.Echo{Slot: slot, Block: id, Signer: l.config.Key.Public(), Signature: signature}
}

// nextBlock offers the application the messages that may go into a block, once enough members are
// online. It leaves out messages that exceed the group's limits, as older groups may have had wider
// ones.
func (l *loop) nextBlock(e engine.NextBlock) {
	group := l.groups.byID(e.Group)
	limit := int(group.Limits().PayloadBytes)
	candidates := slices.DeleteFunc(e.Candidates, func(m block.Message) bool { return len(m.Payload()) > limit })
	if len(candidates) == 0 || !l.mayMakeBlocks() {
		l.queue = append(l.queue, engine.Chosen{})
		return
	}
	turn := Turn{Group: group, Newest: group == l.groups.newest(), Candidates: candidates, Directed: e.Directed}
	l.tasks.put(task{kind: nextBlock, turn: turn})
}

// recall loads what the engine has forgotten. It is rare, and nothing may happen meanwhile.
func (l *loop) recall(since int64) error {
	l.log.Warn("the clock was set back: loading the messages of certified blocks again")
	since, included, err := l.included(context.WithoutCancel(l.ctx), since)
	if err != nil {
		return err
	}
	l.queue = append(l.queue, engine.Recalled{Since: since, Included: included})
	return nil
}

// readHeaders bounds the headers that wait for a comparison. More are dropped, and the next
// frontier repeats them.
const readHeaders = 64

// read queues something for the store reader.
func (l *loop) read(r read) {
	switch {
	case !r.compares():
		l.reading.put(r)
	case len(l.headers) < readHeaders:
		l.headers = append(l.headers, r)
	}
}

// nextRead returns what the store reader does next, or false if nothing waits. Requests and headers
// take turns.
func (l *loop) nextRead() (read, bool) {
	first, some := l.reading.first()
	if len(l.headers) > 0 && (l.compare || !some) {
		return l.headers[0], true
	}
	return first, some
}

// readTaken removes what nextRead returned.
func (l *loop) readTaken(r read) {
	l.compare = !r.compares()
	if r.compares() {
		l.headers = l.headers[1:]
	} else {
		l.reading.taken()
	}
}

func (l *loop) answer(e engine.Answered) {
	answer, ok := l.answers[e.Ticket]
	if !ok {
		return
	}
	delete(l.answers, e.Ticket)
	answer <- e.Err
}
