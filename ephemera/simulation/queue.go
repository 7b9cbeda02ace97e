package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// taskKind says what a task does.
type taskKind uint8

const (
	arrival       taskKind = iota // a frame reaches a member
	rawArrival                    // bytes of an adversary reach a member
	timer                         // a member's deadline
	answer                        // an answer to the engine, or a new group
	submit                        // a client submits
	faultStart                    // a fault begins
	recovery                      // a partition heals, or a node starts again
	adversaryTick                 // an adversary's tick
	flush                         // a member steps through its inbox
	inspection                    // the checker checks whether everything promised has happened
	sent                          // a frame was put on a link that has a rate
	processed                     // a node's processor ends a slice
	committed                     // a node's disk ends a commit
	awake                         // a peer may be read again
	reunion                       // a node does not cut a peer off any more
)

// task is one discrete event. Times are in microseconds since the beginning of the schedule.
type task struct {
	kind        taskKind
	to, from    int32
	incarnation uint32 // the incarnation of the member that it is for; arrivals are for any
	index       int32  // of a fault or submission
	frame       wire.Frame
	data        []byte
	gossip      bool
	event       engine.Event
	parcel      *parcel // of frames, under costs or a rate
}

// queue is a four-ary heap of tasks by time. Tasks of the same time come out in the order in which
// they were added.
type queue struct {
	heap  []place
	slab  []task
	free  []int32
	added uint64
}

type place struct {
	at    int64
	order uint64
	index int32
}

func (p place) before(q place) bool { return p.at < q.at || p.at == q.at && p.order < q.order }

func (q *queue) len() int { return len(q.heap) }

func (q *queue) push(at int64, o task) {
	var index int32
	if n := len(q.free); n > 0 {
		index = q.free[n-1]
		q.free = q.free[:n-1]
		q.slab[index] = o
	} else {
		index = int32(len(q.slab))
		q.slab = append(q.slab, o)
	}
	q.added++
	q.heap = append(q.heap, place{at: at, order: q.added, index: index})
	i := len(q.heap) - 1
	added := q.heap[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !added.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = added
}

// pop removes and returns the earliest task. The queue must not be empty.
func (q *queue) pop() (int64, task) {
	first := q.heap[0]
	last := q.heap[len(q.heap)-1]
	q.heap = q.heap[:len(q.heap)-1]
	if len(q.heap) > 0 {
		q.sink(last)
	}
	o := q.slab[first.index]
	q.slab[first.index] = task{}
	q.free = append(q.free, first.index)
	return first.at, o
}

// sink inserts a place at the root and moves it down to where it belongs.
func (q *queue) sink(p place) {
	i := 0
	for {
		child := 4*i + 1
		if child >= len(q.heap) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(q.heap)); c++ {
			if q.heap[c].before(q.heap[least]) {
				least = c
			}
		}
		if !q.heap[least].before(p) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = p
}
