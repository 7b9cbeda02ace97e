package engine

import (
	"cmp"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// search looks for the description of a group that this node skipped: its provider continued with a
// later one. Nobody signs descriptions, so one is taken only if f+1 members of the group below, the
// last one that is known, name the same (R9).
type search struct {
	number uint64
	below  *membership.Group
	named  []*membership.Group // by the member's place in the group below; nil: nothing yet
	due    int64
	wait   int64
}

// Bounds of the search for skipped groups.
const (
	searchRounds       = 64 // between two requests to the same members, at most
	descriptionsServed = 4  // to one member in a round
)

// learn adds a group to the known ones.
func (e *Engine) learn(group *membership.Group) {
	e.groups = append(e.groups, group)
	slices.SortFunc(e.groups, func(a, b *membership.Group) int { return cmp.Compare(a.Number(), b.Number()) })
}

// numbered returns the known group with a number, or nil.
func (e *Engine) numbered(number uint64) *membership.Group {
	i, ok := slices.BinarySearchFunc(e.groups, number, func(g *membership.Group, n uint64) int { return cmp.Compare(g.Number(), n) })
	if !ok {
		return nil
	}
	return e.groups[i]
}

// searchNext begins the search for the first group that is missing between two known ones.
func (e *Engine) searchNext(now int64) {
	e.search = nil
	for i := 1; i < len(e.groups); i++ {
		if below := e.groups[i-1]; below.Number()+1 < e.groups[i].Number() {
			e.search = &search{number: below.Number() + 1, below: below, named: make([]*membership.Group, below.N()), due: now}
			e.scheduleRound(now)
			return
		}
	}
}

// askForSkipped asks the members of the group below for a missing group. It returns when it is due
// again.
func (e *Engine) askForSkipped(now int64) (due int64) {
	clear(e.described)
	s := e.search
	if s == nil {
		return now + lastHeartbeat*e.config.Exchange
	}
	if s.due <= now {
		for i := range s.below.N() {
			e.send(s.below.Member(i), wire.GetGroup{Number: s.number})
		}
		s.wait = min(max(2*s.wait, e.config.Exchange), searchRounds*e.config.Exchange)
		s.due = now + s.wait
	}
	return s.due
}

// describeGroup answers a member that skipped a group.
func (e *Engine) describeGroup(to keys.Public, number uint64) {
	group := e.numbered(number)
	if group == nil || e.described[to] >= descriptionsServed {
		return
	}
	if e.described == nil {
		e.described = make(map[keys.Public]int)
	}
	e.described[to]++
	e.answer(to, wire.Description{Group: group})
}

// named handles a member's description of a group.
func (e *Engine) named(now int64, from keys.Public, group *membership.Group) {
	s := e.search
	if s == nil || group.Number() != s.number || group.N() > membership.MaxMembers {
		return
	}
	i, ok := s.below.Index(from)
	if !ok {
		return
	}
	s.named[i] = group
	count := 0
	for _, other := range s.named {
		if other != nil && other.ID() == group.ID() {
			count++
		}
	}
	if count > s.below.F() {
		e.fill(now, group)
	}
}

// fill takes a skipped group. This member signs nothing there, and gets what was certified.
func (e *Engine) fill(now int64, group *membership.Group) {
	e.learn(group)
	e.emit(broadcast.Persist{Write: store.PutGroup{Group: group}})
	if group.Contains(e.config.Self) {
		e.emit(broadcast.Persist{Write: store.PutClosed{Group: group.ID()}})
		p := e.join(Known{Group: group, Closed: true})
		slices.SortFunc(e.parts, func(a, b *part) int { return cmp.Compare(a.group.Number(), b.group.Number()) })
		p.progress, p.closeBy = now, now
	}
	e.emit(GroupFound{Group: group})
	e.searchNext(now)
	e.scheduleRound(now)
}
