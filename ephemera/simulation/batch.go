package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"

// batchEvents bounds the events that share a commit, as in the shipped runner.
const batchEvents = 128

// post hands the engine an event of the node's inbox. With Linger it waits for others, as in the
// shipped runner: the engine steps through all of them before one commit. A server has batches of
// its own.
func (n *node) post(event engine.Event) {
	if n.w.schedule.Linger == 0 || n.server != nil || !n.up {
		n.step(event)
		return
	}
	n.inbox = append(n.inbox, event)
	switch len(n.inbox) {
	case 1:
		n.w.queue.push(n.w.now+n.w.schedule.Linger*1000, task{kind: flush, to: int32(n.place), incarnation: n.incarnation})
	case batchEvents:
		n.flush()
	}
}

// flush steps through the inbox.
func (n *node) flush() {
	events := n.inbox
	n.inbox = nil
	n.step(events...)
}

// stepBatch steps through some events and then carries out all of their effects.
func (n *node) stepBatch(events []engine.Event) {
	var effects []engine.Effect
	for _, event := range events {
		if received, ok := event.(engine.Received); ok {
			n.w.check.saw(n, received.From, received.Frame.Frame())
		}
		effects = append(effects, n.engine.Step(engine.Input{Now: n.clock(), Wall: n.wall(), Event: event})...)
	}
	n.carryOutAll(effects)
}
