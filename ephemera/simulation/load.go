package simulation

import (
	"fmt"

	derived "github.com/ephemera-go/nym-rewarding/ephemera/limits"
)

// loaded reports whether work or sending takes time.
func (w *world) loaded() bool { return w.schedule.LinkRate > 0 || w.schedule.Costs != (Costs{}) }

// prepareLoad makes what Schedule.Costs and Schedule.LinkRate need. The bounds of the transport are
// those that the shipped node derives for such a group.
func (w *world) prepareLoad() {
	if !w.loaded() {
		return
	}
	bounds, err := derived.For(derived.Config{Members: len(w.schedule.Members), Group: w.options.Limits})
	if err != nil {
		panic(fmt.Sprintf("simulation: bounds of a valid schedule: %v", err))
	}
	w.bounds = bounds.Transport
	w.stats.Busy = make([]int64, len(w.nodes))
	if w.schedule.LinkRate > 0 {
		w.pipes = newLinks(len(w.nodes))
	}
}

// handleLoad carries out a task that there is only when work or sending takes time.
func (w *world) handleLoad(o task) {
	n := w.nodes[o.to]
	switch o.kind {
	case sent:
		w.transmitted(o)
		return
	case reunion:
		w.reunite(int(o.to), int(o.from))
		return
	}
	if n.server == nil || n.incarnation != o.incarnation {
		return
	}
	switch o.kind {
	case processed:
		n.server.processed()
	case committed:
		n.server.committed()
	case awake:
		n.server.wake(n.server.direct[o.from])
	}
}

// ship sends a frame that was measured.
func (w *world) ship(o task, delay int64) {
	p := w.pack(o.frame, o.data)
	p.delay = delay
	o.parcel = &p
	if l := w.linkOf(int(o.from), int(o.to)); l != nil {
		w.enqueue(l, o)
		return
	}
	w.queue.push(w.arrival(int(o.from), int(o.to), delay), o)
}

// disconnectAll ends a node's connections.
func (w *world) disconnectAll(place int) {
	if !w.loaded() {
		return
	}
	for other := range w.nodes {
		w.disconnect(place, other)
	}
}
