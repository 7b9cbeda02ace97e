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

// ledger is what the test knows of all nodes' certified blocks. It verifies every one by itself.
type ledger struct {
	mu       sync.Mutex
	groups   map[membership.ID]*membership.Group
	slots    map[block.Slot]*slot
	open     map[block.Slot]*slot // that a member of their group has not shown yet
	heights  map[place]uint64
	messages map[block.MessageID]bool
	delays   []time.Duration // from the first member that shows a block to each other one that was up
	problems []string
}

// slot is one certified block, and who has shown it.
type slot struct {
	id    block.ID
	first time.Time
	shown map[keys.Public]bool
}

// place is one chain as one node shows it.
type place struct {
	node  keys.Public
	group membership.ID
	chain keys.Public
}

func newLedger() *ledger {
	return &ledger{
		groups: map[membership.ID]*membership.Group{}, slots: map[block.Slot]*slot{}, open: map[block.Slot]*slot{},
		heights: map[place]uint64{}, messages: map[block.MessageID]bool{},
	}
}

// expect makes a group known, before any node hears of it.
func (l *ledger) expect(group *membership.Group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.groups[group.ID()] = group
}

// maxProblems bounds what is kept of what went wrong.
const maxProblems = 20

func (l *ledger) problem(format string, args ...any) {
	if len(l.problems) < maxProblems {
		l.problems = append(l.problems, fmt.Sprintf(format, args...))
	}
}

// wrong returns what went wrong.
func (l *ledger) wrong() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.problems)
}

// take enters a block that a node shows, in the order in which it shows them. Since is when that
// node was ready last.
func (l *ledger) take(from *member, e api.Entry) {
	l.mu.Lock()
	group := l.groups[e.Block.Group]
	l.mu.Unlock()
	var err error
	if group == nil {
		err = fmt.Errorf("no such group was made")
	} else {
		err = e.Verify(group) // outside the lock: it takes its time
	}
	now := time.Now()

	l.mu.Lock()
	defer l.mu.Unlock()
	at := block.Slot{Group: e.Block.Group, Creator: e.Block.Creator, Height: e.Block.Height}
	if err != nil {
		l.problem("%s shows a block for %s that is not certified: %v", from.Name, at, err)
		return
	}
	chain := place{node: from.Key, group: at.Group, chain: at.Creator}
	if at.Height != l.heights[chain]+1 {
		l.problem("%s shows %s after height %d", from.Name, at, l.heights[chain])
	}
	l.heights[chain] = at.Height

	s := l.slots[at]
	if s == nil {
		s = &slot{id: e.Block.ID, first: now, shown: map[keys.Public]bool{}}
		l.slots[at], l.open[at] = s, s
		for _, m := range e.Block.Messages {
			l.messages[m.ID] = true
		}
	} else if from.alive.Load() && from.since.Load() < s.first.UnixMilli() {
		l.delays = append(l.delays, now.Sub(s.first))
	}
	if s.id != e.Block.ID {
		l.problem("two blocks are certified for %s: %s and, at %s, %s", at, s.id, from.Name, e.Block.ID)
	}
	s.shown[from.Key] = true
	if len(s.shown) == group.N() {
		delete(l.open, at)
	}
}

// missing returns, for each block that was shown before a time, the members of its group that were
// up since then and do not show it.
func (l *ledger) missing(before time.Time, members []*member) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for at, s := range l.open {
		for _, m := range members {
			up := m.alive.Load() && m.since.Load() < before.UnixMilli()
			if up && s.first.Before(before) && l.groups[at.Group].Contains(m.Key) && !s.shown[m.Key] {
				found = append(found, fmt.Sprintf("%s does not show %s", m.Name, at))
			}
		}
	}
	return found
}

// totals describes the run.
func (l *ledger) totals() (blocks, messages int, delays []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delays = slices.Sorted(slices.Values(l.delays))
	return len(l.slots), len(l.messages), delays
}
