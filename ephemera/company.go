package ephemera

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Company is who of OwnGroup is connected, and whether they hold the same group (PROTOCOL.md R9).
// What a member holds is what it says: only alarms and readiness depend on it.
type Company struct {
	Group  *membership.Group
	Online int // members that are connected, including this node
	// Sharing counts those of them that hold Group, including this node. A member that has not said
	// yet what it holds is counted.
	Sharing int
	Wrong   []WrongGroup // in the order of keys
}

// Quorum reports whether a quorum is connected that shares the group.
func (c Company) Quorum() bool { return c.Sharing >= c.Group.Q() }

// WrongGroup is a connected member that holds another group than this node.
type WrongGroup struct {
	Member keys.Public
	Number uint64
	Theirs membership.ID
	// Ours is this node's group with that number. It is zero if this node knows none, although the
	// member has spoken of it for longer than Config.HandOver.
	Ours membership.ID
}

// company remembers which group each member said is its newest.
type company struct {
	mu   sync.Mutex
	said map[keys.Public]saying
}

// saying is what a member said last.
type saying struct {
	number uint64
	group  membership.ID
	// unknown is since when it has spoken of groups that this node does not know; 0: it does not.
	unknown int64
}

// note notes what a member said.
func (c *company) note(from keys.Public, f wire.Newest, view *view, now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said == nil {
		c.said = make(map[keys.Public]saying)
	}
	before := c.said[from]
	s := saying{number: f.Number, group: f.Group, unknown: before.unknown}
	if _, known := view.numbered(f.Number); known {
		s.unknown = 0
	} else if s.unknown == 0 {
		s.unknown = now
	}
	c.said[from] = s
	for key := range c.said { // bounded by the members
		if !view.peers[key] {
			delete(c.said, key)
		}
	}
}

func (c *company) of(key keys.Public) (saying, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.said[key]
	return s, ok
}

// numbered returns the known group with a number.
func (v *view) numbered(number uint64) (*membership.Group, bool) {
	i, ok := slices.BinarySearchFunc(v.known, number, func(k KnownGroup, n uint64) int { return cmp.Compare(k.Group.Number(), n) })
	if !ok {
		return nil, false
	}
	return v.known[i].Group, true
}

// Company returns who of OwnGroup is connected, and who of them holds another group.
func (n *Node) Company() Company {
	view := n.view.Load()
	out := Company{Group: view.own(n.config.Key.Public()), Online: 1, Sharing: 1}
	if !out.Group.Contains(n.config.Key.Public()) {
		out.Online, out.Sharing = 0, 0
	}
	for _, key := range n.Online() {
		if !out.Group.Contains(key) {
			continue
		}
		out.Online++
		s, ok := n.company.of(key)
		if !ok {
			out.Sharing++
			continue
		}
		wrong, is := s.wrong(key, view, n.clock.now()-n.config.HandOver.Milliseconds())
		switch {
		case is:
			out.Wrong = append(out.Wrong, wrong)
		case s.number >= out.Group.Number():
			out.Sharing++
		}
	}
	return out
}

// wrong reports whether a member holds another group under a known number, or has spoken of an
// unknown one since before a time.
func (s saying) wrong(key keys.Public, view *view, before int64) (WrongGroup, bool) {
	known, ok := view.numbered(s.number)
	if !ok {
		return WrongGroup{Member: key, Number: s.number, Theirs: s.group}, s.unknown != 0 && s.unknown < before
	}
	return WrongGroup{Member: key, Number: s.number, Theirs: s.group, Ours: known.ID()}, s.group != known.ID()
}

// Times of the alarms about the company. They are logged once when something begins, then rarely.
const (
	companyEvery  = 2 * time.Second // between two looks
	companySettle = 5               // looks after the start before a missing quorum is reported
	companyStable = 2               // looks after which a change is one
	quorumPause   = 30 * time.Second
	wrongPause    = time.Hour
	announceEvery = 15 // looks between two announcements to all: frames may be lost

	announceMembers = 16 // how many members may be told that often
)

// announcePause returns how many looks are between two announcements to all of n members: in a
// large group each costs many frames.
func announcePause(n int) int { return announceEvery * max(n, announceMembers) / announceMembers }

// watchCompany logs who is in the wrong company, and when the quorum is lost and regained. It
// repeats the announcement of the newest group from time to time.
func (n *Node) watchCompany(ctx context.Context) error {
	ticker := time.NewTicker(companyEvery)
	defer ticker.Stop()
	w := companyWatch{node: n, warned: make(map[keys.Public]wrongWarning)}
	for look := 1; ; look++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		company := n.Company()
		w.wrongGroups(company)
		w.quorum(company, look >= companySettle)
		if online := n.Online(); look%announcePause(len(online)+1) == 0 {
			n.announce(online...)
		}
	}
}

// companyWatch is the state of watchCompany.
type companyWatch struct {
	node   *Node
	warned map[keys.Public]wrongWarning
	stable int  // looks with the same state of the quorum
	last   bool // that state
	known  bool // a state was reported
	had    bool // the state that was reported
	at     time.Time
}

// wrongWarning is what was logged last about a member, and when.
type wrongWarning struct {
	wrong WrongGroup
	over  bool // that it holds the same group again
	at    time.Time
}

// wrongGroups warns about each member in the wrong company once, and again after a pause. It says
// when that is over.
func (w *companyWatch) wrongGroups(company Company) {
	wrong := make(map[keys.Public]bool, len(company.Wrong))
	for _, g := range company.Wrong {
		wrong[g.Member] = true
		if last, warned := w.warned[g.Member]; !warned || time.Since(last.at) >= last.pause(g) {
			w.warned[g.Member] = wrongWarning{wrong: g, at: time.Now()}
			w.warn(g)
		}
	}
	for _, member := range w.node.Online() {
		last, warned := w.warned[member]
		if warned && !wrong[member] && !last.over && time.Since(last.at) >= quorumPause {
			w.warned[member] = wrongWarning{over: true, at: time.Now()}
			w.node.log.Info("member holds the same group again", "member", member.String())
		}
	}
}

// pause returns for how long nothing more is logged about the member.
func (last wrongWarning) pause(now WrongGroup) time.Duration {
	if last.over || last.wrong != now {
		return quorumPause
	}
	return wrongPause
}

func (w *companyWatch) warn(g WrongGroup) {
	if g.Ours == (membership.ID{}) {
		newest := w.node.Group()
		w.node.log.Warn("member is in a group that this node does not know (compare the lists of members)",
			"member", g.Member.String(), "number", g.Number, "theirs", g.Theirs.String(), "newest", newest.Number(), "ours", newest.ID().String())
		return
	}
	w.node.log.Warn("member holds another group under the same number (compare the lists of members)",
		"member", g.Member.String(), "number", g.Number, "theirs", g.Theirs.String(), "ours", g.Ours.String())
}

// quorum logs when the quorum is lost and regained, unless it changes all the time.
func (w *companyWatch) quorum(company Company, settled bool) {
	has := company.Quorum()
	if w.stable++; has != w.last {
		w.last, w.stable = has, 1
	}
	if w.stable < companyStable || w.known && (has == w.had || time.Since(w.at) < quorumPause) || !w.known && !has && !settled {
		return
	}
	first := !w.known
	w.known, w.had, w.at = true, has, time.Now()
	attributes := []any{
		"group", company.Group.Number(), "online", company.Online, "sharing", company.Sharing, "quorum", company.Group.Q(),
	}
	switch {
	case !has:
		w.node.log.Warn("no quorum: no block is certified until more members are connected that hold the same group", attributes...)
	case !first:
		w.node.log.Info("quorum regained", attributes...)
	}
}
