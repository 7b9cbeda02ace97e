package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// link is what one node sends to another under Schedule.LinkRate: a bounded queue that empties at
// that rate, as in the shipped transport. It stops while the receiver does not read.
type link struct {
	from, to int
	waiting  []task
	bytes    int   // of waiting, and of what is being sent
	busy     bool  // a frame is being sent
	unread   int   // bytes of direct frames that were sent and that the receiver has not read
	epoch    int32 // counts disconnections: what was sent before one does not arrive
}

// window is how many bytes may be unread: the initial window of a stream of libp2p.
const window = 256 << 10

// linkOf returns the link between two nodes, or nil without a rate.
func (w *world) linkOf(from, to int) *link {
	if w.schedule.LinkRate == 0 {
		return nil
	}
	return &w.pipes[from*len(w.nodes)+to]
}

func newLinks(nodes int) []link {
	links := make([]link, nodes*nodes)
	for i := range links {
		links[i] = link{from: i / nodes, to: i % nodes}
	}
	return links
}

// enqueue puts a frame into the link's queue. If the queue is full, the frame is dropped.
func (w *world) enqueue(l *link, o task) {
	if len(l.waiting) >= w.bounds.QueueFrames || l.bytes+o.parcel.size > w.bounds.QueueBytes {
		w.stats.Dropped++
		return
	}
	l.waiting = append(l.waiting, o)
	l.bytes += o.parcel.size
	w.transmit(l)
}

// transmit begins to send the next frame.
func (w *world) transmit(l *link) {
	if l.busy || len(l.waiting) == 0 || l.unread >= window {
		return
	}
	o := l.waiting[0]
	l.waiting[0] = task{}
	l.waiting = l.waiting[1:]
	l.busy = true
	if !o.gossip {
		l.unread += o.parcel.size
	}
	o.kind, o.index = sent, l.epoch
	w.queue.push(w.now+int64(o.parcel.size)*1_000_000/w.schedule.LinkRate, o)
}

// transmitted continues with the next frame when one was sent, which arrives after the link's
// delay.
func (w *world) transmitted(o task) {
	l := w.linkOf(int(o.from), int(o.to))
	l.busy = false
	if o.index == l.epoch {
		l.bytes -= o.parcel.size
		o.kind = arrival
		w.queue.push(w.arrival(l.from, l.to, o.parcel.delay), o)
	}
	w.transmit(l)
}

// read notes that a frame was read, so that the link may continue.
func (w *world) read(o task) {
	l := w.linkOf(int(o.from), int(o.to))
	if l == nil || o.gossip {
		return
	}
	l.unread = max(0, l.unread-o.parcel.size)
	w.transmit(l)
}

// disconnect drops everything between two nodes that was not read yet.
func (w *world) disconnect(a, b int) {
	for _, way := range [][2]int{{a, b}, {b, a}} {
		if l := w.linkOf(way[0], way[1]); l != nil {
			l.waiting, l.bytes, l.unread = nil, 0, 0
			l.epoch++
		}
		if s := w.nodes[way[1]].server; s != nil {
			s.forget(way[0])
		}
	}
}

// parcel is what processing and sending a frame depends on. It is nil without costs and a rate.
type parcel struct {
	size  int    // bytes
	print uint64 // identifies the bytes
	delay int64  // of the link, in microseconds
}

// pack measures a frame. It remembers the last one, because most go to everybody.
func (w *world) pack(frame wire.Frame, data []byte) parcel {
	id := identity(frame)
	if data == nil && id != nil && id == w.packed {
		return w.parcel
	}
	if data == nil {
		data = wire.Encode(frame)
	}
	w.packed, w.parcel = id, parcel{size: len(data), print: digest(0, data)}
	return w.parcel
}

// isGone reports whether a frame was on its way when its connection ended.
func (w *world) isGone(o task) bool {
	if l := w.linkOf(int(o.from), int(o.to)); l != nil {
		return o.index != l.epoch
	}
	return false
}
