package ephemera

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// batch is the steps that share a commit. Their effects wait until the commit is durable. Only the
// questions to the application about blocks do not, so that its verdicts may join the batch.
type batch struct {
	*loop
	effects []engine.Effect
	events  int
	writes  int  // that cannot wait for a later commit
	votes   bool // for blocks of other members
	own     bool // this member's block, or its certificate, is sent after the commit
	begins  bool // the application is asked for a block, or about one, after the commit
	// delivers holds the chains with a delivery, as slots of height 0.
	delivers  map[block.Slot]bool
	delivered bool      // the application accepted a block
	began     time.Time // when gather did
}

// batchEvents bounds how many events share one commit.
const batchEvents = 128

// Bounds on how long a commit waits for more writes. Both grow with the duration of the last
// commit: on a fast disk a node hardly waits, on a busy one it makes half as many commits.
// maxLinger leaves room for that where a commit takes several milliseconds, as on a machine that
// ten busy nodes share.
const (
	lingerGap = 3                     // commits, for the next write
	lingerAll = 8                     // commits, in all
	lingerFew = 1                     // commit, for cursors alone
	maxLinger = 50 * time.Millisecond // in all
)

// stepQueue steps through the queue. If the wall clock was set, the engine adjusts to the new time
// before it judges by it: then this is all that is done, and the events are returned.
func (b *batch) stepQueue() (later []engine.Event) {
	now, wall := b.clock.now(), b.clock.wallTime()
	events := b.queue
	b.queue = nil
	if _, first := events[0].(engine.Start); b.clock.stepped(now, wall) && !first {
		events, later = []engine.Event{engine.Tick{}}, events
	}
	for _, event := range events {
		if e, ok := event.(engine.Delivered); ok {
			delete(b.delivering, chainOf(e.Slot))
			b.delivered = true
		}
		for _, effect := range b.engine.Step(engine.Input{Now: now, Wall: wall, Event: event}) {
			b.add(effect)
		}
	}
	b.events += len(events)
	return later
}

// add adds an effect. A question about a block is asked at once, unless it follows a delivery of
// the same chain: nothing that the application does is visible outside before its verdict is
// stored.
func (b *batch) add(effect engine.Effect) {
	switch e := effect.(type) {
	case broadcast.Persist:
		if !e.Relaxed {
			b.writes++
		}
	case broadcast.SignEcho:
		b.votes = true
	case broadcast.SignProposal:
		b.own = true
	case engine.Send:
		if _, ok := e.Frame.(wire.Certificate); ok {
			b.own = true
		}
	case engine.NextBlock:
		b.begins = true
	case broadcast.Deliver:
		if b.delivers == nil {
			b.delivers = make(map[block.Slot]bool)
		}
		b.delivers[chainOf(e.Slot)] = true
	case broadcast.CheckBlock:
		if !b.delivers[chainOf(e.Block.Header.Slot())] {
			b.checkBlock(e)
			return
		}
		b.begins = true
	}
	b.effects = append(b.effects, effect)
}

func chainOf(slot block.Slot) block.Slot {
	slot.Height = 0
	return slot
}

// gather steps through events that arrive while it is worth waiting for them. It returns what
// stepQueue returns.
func (b *batch) gather() (later []engine.Event) {
	if b.writes == 0 && !b.awaitsDeliveries() {
		return nil
	}
	now := time.Now()
	b.began = now
	end, quiet := now.Add(min(lingerAll*b.took, maxLinger)), now.Add(lingerGap*b.took)
	for b.events < batchEvents {
		event, ok := b.next(b.linger(quiet, end))
		if !ok {
			return nil
		}
		b.queue = b.drain(event, batchEvents-b.events)
		b.shares.leave(b.queue...)
		before := b.writes
		if later := b.stepQueue(); later != nil {
			return later
		}
		if b.writes > before {
			quiet = time.Now().Add(lingerGap * b.took)
		}
	}
	return nil
}

// linger returns until when the commit waits for the next event.
//
// It does not wait if others wait for it: for this member's block or its certificate, or for a
// question to the application. Votes wait for proposals if members propose at about the same time.
// Certificates wait for those of all blocks that this member echoed. Both stop waiting when nothing
// is expected, which is at once if there is only one block under way.
func (b *batch) linger(quiet, end time.Time) time.Time {
	expected := b.engine.Expected()
	if quiet.After(end) {
		quiet = end
	}
	switch {
	case b.begins:
		return time.Time{}
	case expected.Verdicts > 0: // they take less time than a commit
		return quiet
	case b.own:
		return time.Time{}
	case b.votes && expected.Proposals > 0:
		return quiet
	case !b.votes && expected.Certificates > 0:
		return end
	case b.awaitsDeliveries():
		if few := b.began.Add(lingerFew * b.took); few.Before(quiet) {
			return few
		}
		return quiet
	}
	return time.Time{}
}

// awaitsDeliveries reports whether a member catches up, and more cursors are about to come. The
// next block of a chain is delivered after the commit of its cursor: so the application works on
// other chains until then, and their cursors need no commit of their own.
func (b *batch) awaitsDeliveries() bool {
	return b.delivered && len(b.delivers) > 0 && len(b.delivering) > 0
}

// next waits for the next event. It returns false if none arrives in time, or if a caller waits.
func (b *batch) next(until time.Time) (engine.Event, bool) {
	wait := time.Until(until)
	if wait <= 0 {
		return nil, false
	}
	calls := b.calls
	if b.waiting != nil {
		calls = nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case event := <-b.inbox:
		return event, true
	case b.waiting = <-calls:
	case <-timer.C:
	case <-b.ctx.Done():
	}
	return nil, false
}
