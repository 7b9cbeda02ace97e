package soak_test

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// observer records the certified blocks that all nodes return, and verifies each of them. It is
// safe for concurrent use.
type observer struct {
	mu         sync.Mutex
	groups     map[membership.ID]*membership.Group
	slots      map[block.Slot]*slot
	open       map[block.Slot]*slot // slots that not all members of their group have returned yet
	heights    map[chainView]uint64 // the last height that a node returned
	messages   map[block.MessageID]bool
	violations []string
	// delays are the times from the first node that returned a block to each other one that was up.
	delays []time.Duration
}

// slot is one certified block and the nodes that returned it.
type slot struct {
	id         block.ID
	first      time.Time
	returnedBy map[keys.Public]bool
}

// chainView identifies one chain at one node.
type chainView struct {
	node  keys.Public
	group membership.ID
	chain keys.Public
}

func newObserver() *observer {
	return &observer{
		groups: map[membership.ID]*membership.Group{}, slots: map[block.Slot]*slot{}, open: map[block.Slot]*slot{},
		heights: map[chainView]uint64{}, messages: map[block.MessageID]bool{},
	}
}

// expect adds a group. Call it before any node learns of the group.
func (o *observer) expect(group *membership.Group) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.groups[group.ID()] = group
}

// maxViolations bounds the violations that are kept.
const maxViolations = 20

func (o *observer) violation(format string, args ...any) {
	if len(o.violations) < maxViolations {
		o.violations = append(o.violations, fmt.Sprintf(format, args...))
	}
}

// allViolations returns the violations so far.
func (o *observer) allViolations() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.violations)
}

// record records a block that a node returned. The calls for one node are in the order in which the
// node returned the blocks.
func (o *observer) record(from *member, e api.Entry) {
	o.mu.Lock()
	group := o.groups[e.Block.Group]
	o.mu.Unlock()
	var err error
	if group == nil {
		err = fmt.Errorf("unknown group %s", e.Block.Group)
	} else {
		err = e.Verify(group) // without the lock, because it is slow
	}
	now := time.Now()

	o.mu.Lock()
	defer o.mu.Unlock()
	at := block.Slot{Group: e.Block.Group, Creator: e.Block.Creator, Height: e.Block.Height}
	if err != nil {
		o.violation("%s returned an invalid block for slot %s: %v", from.Name, at, err)
		return
	}
	chain := chainView{node: from.Key, group: at.Group, chain: at.Creator}
	if at.Height != o.heights[chain]+1 {
		o.violation("%s returned slot %s after height %d", from.Name, at, o.heights[chain])
	}
	o.heights[chain] = at.Height

	s := o.slots[at]
	if s == nil {
		s = &slot{id: e.Block.ID, first: now, returnedBy: map[keys.Public]bool{}}
		o.slots[at], o.open[at] = s, s
		for _, m := range e.Block.Messages {
			o.messages[m.ID] = true
		}
	} else if from.alive.Load() && from.since.Load() < s.first.UnixMilli() {
		o.delays = append(o.delays, now.Sub(s.first))
	}
	if s.id != e.Block.ID {
		o.violation("two blocks are certified in slot %s: %s and, at %s, %s", at, s.id, from.Name, e.Block.ID)
	}
	s.returnedBy[from.Key] = true
	if len(s.returnedBy) == group.N() {
		delete(o.open, at)
	}
}

// missing returns, for each block that some node returned before a time, the members of its group
// that have been up since then and have not returned it.
func (o *observer) missing(before time.Time, members []*member) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []string
	for at, s := range o.open {
		for _, m := range members {
			up := m.alive.Load() && m.since.Load() < before.UnixMilli()
			if up && s.first.Before(before) && o.groups[at.Group].Contains(m.Key) && !s.returnedBy[m.Key] {
				found = append(found, fmt.Sprintf("%s has not returned slot %s", m.Name, at))
			}
		}
	}
	return found
}

// totals returns the numbers of blocks and messages, and all delays in ascending order.
func (o *observer) totals() (blocks, messages int, delays []time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delays = slices.Sorted(slices.Values(o.delays))
	return len(o.slots), len(o.messages), delays
}
