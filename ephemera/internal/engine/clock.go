package engine

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// stepTolerance is how far the wall clock and Input.Now may drift apart, in milliseconds, before
// the wall clock counts as set.
const stepTolerance = 1000

// wallClock is the wall clock as the engine sees it. Only what is signed by somebody's clock is
// compared with it.
type wallClock struct {
	now       int64  // of this input
	ahead     int64  // of Input.Now
	began     bool   // an input came before
	forgotten uint64 // Mempool.Forgotten when the last Recall was asked for
}

// readWall takes the wall clock of an input. When it was set, messages are judged again by the new
// time, so that nothing of a wrong clock remains.
func (e *Engine) readWall(in Input) {
	w := &e.wall
	w.now = min(max(in.Wall, 0), canonical.MaxNumber)
	step := w.now - in.Now - w.ahead
	if step > 0 || step < -stepTolerance || !w.began {
		w.ahead += step
	}
	if w.began && (step > stepTolerance || step < -stepTolerance) {
		e.pool.ClockStepped(w.now)
		e.retryListings()
		e.recall()
	}
	w.began = true
}

// recall asks for messages that were included if the mempool has forgotten some that it would
// accept by the wall clock.
func (e *Engine) recall() {
	if since := e.oldest(); !e.pool.Complete(since) {
		e.wall.forgotten = e.pool.Forgotten()
		e.emit(Recall{Since: since})
	}
}

// oldest returns the earliest signed time that the mempool accepts by the wall clock.
func (e *Engine) oldest() int64 {
	return max(0, e.wall.now-e.config.Mempool.WithDefaults().TTL.Milliseconds())
}

// recalled handles the answer to Recall. It asks again if messages were forgotten meanwhile, which
// the answer may lack.
func (e *Engine) recalled(event Recalled) {
	if e.pool.Forgotten() != e.wall.forgotten {
		e.recall()
		return
	}
	e.remember(event.Included, event.Since)
}

// remember lets the mempool remember the messages of certified blocks that are signed since a time.
func (e *Engine) remember(messages []store.Included, since int64) {
	included := make([]mempool.Included, len(messages))
	for i, m := range messages {
		included[i] = mempool.Included{ID: m.ID, Time: m.Time, Own: m.Own}
	}
	e.pool.Recall(included, since, e.wall.now)
	e.retryListings()
}

// moment returns the time of this input.
func (e *Engine) moment(now int64) mempool.Moment { return mempool.Moment{Now: now, Wall: e.wall.now} }
