package mempool

import (
	"cmp"
	"container/heap"
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// done remembers the IDs of messages that were included or dropped, and forgets those with the
// earliest times first. A message's time is the signed one; if it came in a block of another
// member, not later than the moment at which it came. So messages that are dated ahead inside
// blocks neither stay for longer than others nor make newer ones be forgotten or refused.
//
// What is forgotten may have been included, so nothing is accepted that is signed at or before the
// horizon, the latest time of anything forgotten. Own messages were not ahead of the clock when
// they were accepted; if they are now, the clock was set back. They are forgotten first, and bar
// only the time that they are from.
type done struct {
	size      int
	skew      int64
	oldest    []settled               // a heap, in the order of forgetting
	place     map[block.MessageID]int // in oldest
	horizon   int64                   // -1: nothing was forgotten
	from, to  int64                   // signed times of what was forgotten ahead of the clock
	forgotten uint64                  // how many
}

// settled is a message that was included or dropped.
type settled struct {
	id     block.MessageID
	signed int64 // as its sender signed
	own    bool  // by this node
	time   int64 // signed, or when it came
	ahead  bool  // of the clock, which was set back
}

func newDone(size int, skew int64) *done {
	d := &done{size: size, skew: skew, place: make(map[block.MessageID]int)}
	d.restart(-1)
	return d
}

// restart says that everything is remembered that is signed after the horizon.
func (d *done) restart(horizon int64) { d.horizon, d.from, d.to = horizon, math.MaxInt64, -1 }

func (d *done) has(id block.MessageID) bool {
	_, ok := d.place[id]
	return ok
}

// forgot reports whether messages with this signed time may have been forgotten.
func (d *done) forgot(signed int64) bool {
	return signed <= d.horizon || d.from <= signed && signed <= d.to
}

// complete reports whether all messages are remembered that are signed since a time.
func (d *done) complete(since int64) bool { return max(d.horizon, d.to) < since }

// add remembers a message. own says that one of this member's blocks holds it, or that it was
// dropped here.
func (d *done) add(id block.MessageID, signed int64, own bool, wall int64) {
	if i, known := d.place[id]; known {
		if m := &d.oldest[i]; own && !m.own {
			m.own = true
			d.date(m, wall)
			heap.Fix(d, i)
		}
		return
	}
	m := settled{id: id, signed: signed, own: own}
	d.date(&m, wall)
	heap.Push(d, m)
	for len(d.oldest) > d.size {
		d.forget(heap.Pop(d).(settled))
	}
}

// date sets a message's time, given the time by the wall clock.
func (d *done) date(m *settled, wall int64) {
	if m.own {
		m.time, m.ahead = m.signed, m.signed > wall+d.skew
		return
	}
	m.time = max(m.time, min(m.signed, wall))
	m.ahead = m.time > wall+d.skew
}

func (d *done) forget(m settled) {
	d.forgotten++
	if m.ahead {
		d.from, d.to = min(d.from, m.time), max(d.to, m.time)
		return
	}
	d.horizon = max(d.horizon, m.time)
}

// stepped says that the clock was set. If it was set forward, messages that were dated ahead by the
// old time may not be by the new one.
func (d *done) stepped(wall int64) {
	for i := range d.oldest {
		d.date(&d.oldest[i], wall)
	}
	heap.Init(d)
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (d *done) Len() int { return len(d.oldest) }

func (d *done) Less(i, j int) bool {
	a, b := &d.oldest[i], &d.oldest[j]
	if a.ahead != b.ahead {
		return a.ahead
	}
	return cmp.Or(cmp.Compare(a.time, b.time), slices.Compare(a.id[:], b.id[:])) < 0
}

func (d *done) Swap(i, j int) {
	d.oldest[i], d.oldest[j] = d.oldest[j], d.oldest[i]
	d.place[d.oldest[i].id], d.place[d.oldest[j].id] = i, j
}

func (d *done) Push(x any) {
	d.place[x.(settled).id] = len(d.oldest)
	d.oldest = append(d.oldest, x.(settled))
}

func (d *done) Pop() any {
	last := d.oldest[len(d.oldest)-1]
	d.oldest = d.oldest[:len(d.oldest)-1]
	delete(d.place, last.id)
	return last
}
