package ephemera

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// KnownGroup is a group that a node knows.
type KnownGroup struct {
	Group *membership.Group
	// Closed: this node signs nothing new there, because it closed the group or is not a member.
	Closed bool
	// Connected: this node keeps connections to the group's members. It is a member, and the group is
	// open, was closed less than Config.HandOver ago, or is the newest. A node that was removed may
	// stop once no group is Connected.
	Connected bool
}

// view is the state of the groups for other goroutines than the loop. It is immutable; the loop
// replaces it.
type view struct {
	known  []KnownGroup // ascending by number
	groups wire.Groups
	peers  map[keys.Public]bool // whose frames this node handles
	// former are the members of own groups that this node is not connected with any more. They may ask
	// for what they missed there.
	former map[keys.Public]bool
	// senders are the members of the groups in use, whose messages are admitted.
	senders map[keys.Public]bool
	listed  map[keys.Public]membership.Peer // names and addresses of members; read only
}

func (v *view) newest() *membership.Group { return v.known[len(v.known)-1].Group }

// own returns the newest group with a member, or the newest group of all.
func (v *view) own(self keys.Public) *membership.Group {
	for _, k := range slices.Backward(v.known) {
		if k.Group.Contains(self) {
			return k.Group
		}
	}
	return v.newest()
}

// groupState is a group as the loop keeps it.
type groupState struct {
	group  *membership.Group
	closed bool
	until  int64 // when the members of a closed group are disconnected; 0: not closed, or done
}

// groups is the loop's book of groups, and of names and addresses of members (R9).
type groups struct {
	self   keys.Public
	all    []groupState // ascending by number
	listed map[keys.Public]membership.Peer
}

// withGroup returns a copy with one more group.
func (g groups) withGroup(group *membership.Group, closed bool) groups {
	g.all = append(slices.Clone(g.all), groupState{group: group, closed: closed || !group.Contains(g.self)})
	slices.SortFunc(g.all, func(a, b groupState) int { return cmp.Compare(a.group.Number(), b.group.Number()) })
	return g
}

// withPeers returns a copy with the names and addresses of peers.
func (g groups) withPeers(peers []membership.Peer) groups {
	g.listed = maps.Clone(g.listed) // never nil
	for _, peer := range peers {
		g.listed[peer.Key] = peer
	}
	return g
}

func (g groups) newest() *membership.Group { return g.all[len(g.all)-1].group }

// byID returns a known group.
func (g groups) byID(id membership.ID) *membership.Group {
	return g.all[slices.IndexFunc(g.all, func(j groupState) bool { return j.group.ID() == id })].group
}

// isNewer reports whether a group is newer than all known ones. The error is store.ErrGroup if its
// number belongs to another group.
func (g groups) isNewer(group *membership.Group) (newer bool, err error) {
	for _, j := range g.all {
		if j.group.Number() == group.Number() && j.group.ID() != group.ID() {
			return false, fmt.Errorf("%w: number %d belongs to group %s, not to %s", store.ErrGroup, group.Number(), j.group.ID(), group.ID())
		}
	}
	return group.Number() > g.newest().Number(), nil
}

// connected reports whether this member keeps connections to the members of its i-th group: while
// the group is open, for a while afterwards, because others may still need what was certified
// there, and always if it is the newest, or if groups that follow it were skipped, whose members
// only its members can name.
func (g groups) connected(i int) bool {
	j := g.all[i]
	last := i == len(g.all)-1
	return j.group.Contains(g.self) && (!j.closed || j.until != 0 || last || j.group.Number()+1 < g.all[i+1].group.Number())
}

// peers returns the members to connect to.
func (g groups) peers() []membership.Peer {
	var peers []membership.Peer
	listed := map[keys.Public]bool{g.self: true}
	for i, j := range g.all {
		if !g.connected(i) {
			continue
		}
		for _, key := range j.group.Members() {
			if !listed[key] {
				listed[key] = true
				peer := g.listed[key]
				peer.Key = key
				peers = append(peers, peer)
			}
		}
	}
	return peers
}

// former returns the members of own groups who are not among the peers.
func (g groups) former(peers []membership.Peer) []keys.Public {
	seen := map[keys.Public]bool{g.self: true}
	for _, peer := range peers {
		seen[peer.Key] = true
	}
	var former []keys.Public
	for _, j := range g.all {
		if !j.group.Contains(g.self) {
			continue
		}
		for _, key := range j.group.Members() {
			if !seen[key] {
				seen[key] = true
				former = append(former, key)
			}
		}
	}
	return former
}

func (g groups) view() *view {
	v := &view{peers: map[keys.Public]bool{}, senders: map[keys.Public]bool{}, listed: g.listed}
	var all []*membership.Group
	for i, j := range g.all {
		v.known = append(v.known, KnownGroup{Group: j.group, Closed: j.closed, Connected: g.connected(i)})
		all = append(all, j.group)
		if g.connected(i) || i == len(g.all)-1 {
			for _, key := range j.group.Members() {
				v.senders[key] = true
			}
		}
	}
	v.groups = wire.NewGroups(all...)
	peers := g.peers()
	for _, peer := range peers {
		v.peers[peer.Key] = true
	}
	v.former = make(map[keys.Public]bool)
	for _, key := range g.former(peers) {
		v.former[key] = true
	}
	return v
}

// loadGroups records the configured group if it is new. It returns all recorded groups, with the
// durable state of those that this node is a member of.
func (n *Node) loadGroups(ctx context.Context) (groups, []engine.Known, error) {
	self, given := n.config.Key.Public(), n.config.Group
	recorded, err := n.config.Store.Groups(ctx)
	if err != nil {
		return groups{}, nil, fmt.Errorf("load groups: %w", err)
	}
	book := groups{self: self, listed: map[keys.Public]membership.Peer{}}.withPeers(n.config.Peers)
	for _, r := range recorded {
		book = book.withGroup(r.Group, r.Closed)
	}
	newer := true
	if len(recorded) > 0 {
		if newer, err = book.isNewer(given); err != nil {
			return groups{}, nil, fmt.Errorf("configured group: %w", err)
		}
	}
	if newer {
		if err := n.write(ctx, []store.Write{store.PutGroup{Group: given}}); err != nil {
			return groups{}, nil, fmt.Errorf("record group %d: %w", given.Number(), err)
		}
		book = book.withGroup(given, false)
	}
	var known []engine.Known
	member := false
	for _, j := range book.all {
		k := engine.Known{Group: j.group, Closed: j.closed, Muted: n.muted(j.group)}
		if j.group.Contains(self) {
			member = true
			if k.State, err = n.config.Store.Load(ctx, j.group.ID()); err != nil {
				return groups{}, nil, fmt.Errorf("load the state of group %d: %w", j.group.Number(), err)
			}
			if k.State.Chains, err = n.cursors(ctx, j.group, k.State.Chains); err != nil {
				return groups{}, nil, err
			}
			for _, chain := range k.State.Chains {
				for _, lost := range chain.Lost {
					n.damage.note(lost.Err)
				}
			}
			for _, fork := range k.State.Forks {
				n.logFork(j.group, fork)
			}
			if k.Muted && !k.Closed {
				n.warnMuted(j.group)
			}
		}
		known = append(known, k)
	}
	own := func(j groupState) bool { return j.group.Contains(self) }
	for last := len(book.all) - 2; last >= 0; last-- {
		if !own(book.all[last]) {
			continue
		}
		if !book.all[last].closed {
			break
		}
		// Others may not have closed it yet, or this node may have missed something there.
		book.all[last].until = n.clock.now() + n.config.HandOver.Milliseconds()
		break
	}
	if !member {
		return groups{}, nil, fmt.Errorf("key %s is not a member of group %d or of one before it: run the node whose key is in the members' list, or publish a list with this key and a higher number", self, book.newest().Number())
	}
	return book, known, nil
}

// cursors replaces the store's cursors with those of an application that keeps its own.
func (n *Node) cursors(ctx context.Context, group *membership.Group, chains []store.Chain) ([]store.Chain, error) {
	keeper, ok := n.app.(CursorKeeper)
	if !ok {
		return chains, nil
	}
	taken, err := keeper.Cursors(ctx, group.ID())
	if err != nil {
		return nil, fmt.Errorf("read the application's cursors in group %d: %w", group.Number(), err)
	}
	for i, c := range chains {
		chains[i].Delivered = taken[c.Creator]
		delete(taken, c.Creator)
	}
	for _, creator := range group.Members() { // accepted while another store was in use
		if height := taken[creator]; height > 0 {
			chains = append(chains, store.Chain{Creator: creator, Delivered: height})
		}
	}
	return chains, nil
}

// CanMakeBlocks returns nil if the node may sign blocks of its own in a group while the group is
// open, and otherwise why it may not: ErrNotMember or ErrMuted.
func (n *Node) CanMakeBlocks(group *membership.Group) error {
	switch {
	case !group.Contains(n.config.Key.Public()):
		return fmt.Errorf("make blocks in group %d: %w", group.Number(), ErrNotMember)
	case n.muted(group):
		return fmt.Errorf("make blocks in group %d: %w", group.Number(), ErrMuted)
	}
	return nil
}

func (n *Node) muted(group *membership.Group) bool {
	return group.Number() <= n.config.Votes.MutedThrough()
}

func (n *Node) warnMuted(group *membership.Group) {
	n.log.Warn("muted: the node sends and delivers, and signs no block", "group", group.Number(), "err", ErrMuted)
}

// Adopt gives the node a group (R9) with the names and addresses of its members. Peers who are not
// members of the group update the addresses of older groups' members. In a group with a higher
// number than all before, the node begins new chains. It closes each older group once no block is
// open there, or after Config.HandOver, and keeps its connections to the members until then and a
// while longer. A known group only updates names and addresses. A group with an older number is
// ignored: a member that learns of a group only after a newer one takes no part in it. It asks the
// members of the last group that it knew for those that it skipped, and gets their blocks once f+1
// of them describe the same group. Adopt returns after the group is
// recorded.
//
// Errors: store.ErrGroup if the number belongs to another group; membership.ErrInvalid for a group
// of another network or one that is too large for a node; an error of the transport about the
// addresses. After an error nothing has changed.
func (n *Node) Adopt(ctx context.Context, group *membership.Group, peers []membership.Peer) error {
	switch {
	case group == nil:
		return fmt.Errorf("%w: no group", membership.ErrInvalid)
	case group.Network() != n.config.Group.Network():
		return fmt.Errorf("%w: the group is of network %q, this node of %q", membership.ErrInvalid, group.Network(), n.config.Group.Network())
	case group.N() > membership.MaxMembers:
		return fmt.Errorf("%w: %d members, at most %d are supported", membership.ErrInvalid, group.N(), membership.MaxMembers)
	}
	return n.ask(ctx, func(l *loop, answer chan<- error) error { return l.adopt(group, peers, answer) })
}

// CloseGroup stops this node from signing in a group, durably and forever. It closes an older group
// earlier than Config.HandOver would. After closing the newest, the node makes no blocks until it
// adopts the next one. The error is store.ErrNotFound if the node does not know the group.
func (n *Node) CloseGroup(ctx context.Context, id membership.ID) error {
	return n.ask(ctx, func(l *loop, answer chan<- error) error {
		if !slices.ContainsFunc(l.groups.all, func(j groupState) bool { return j.group.ID() == id }) {
			answer <- fmt.Errorf("close group %s: %w", id, store.ErrNotFound)
			return nil
		}
		err := l.step(engine.Close{Group: id})
		answer <- err
		return err
	})
}

// Groups returns the groups that the node knows, ascending by number.
func (n *Node) Groups() []KnownGroup { return slices.Clone(n.view.Load().known) }

// Peers returns the names and addresses of members, in the order of their keys: those of
// Config.Peers, replaced by those of the newest list that the node adopted.
func (n *Node) Peers() []membership.Peer {
	listed := map[keys.Public]membership.Peer{}
	for _, peer := range n.config.Peers {
		listed[peer.Key] = peer
	}
	for key, peer := range n.view.Load().listed {
		if peer.Name != "" || listed[key].Name == "" { // a list may leave a member's name out
			listed[key] = peer
		}
	}
	return slices.SortedFunc(maps.Values(listed), func(a, b membership.Peer) int { return a.Key.Compare(b.Key) })
}

// adopt handles Adopt and sends its result to answer. An error that it returns ends the loop.
func (l *loop) adopt(group *membership.Group, peers []membership.Peer, answer chan<- error) error {
	newer, err := l.groups.isNewer(group)
	if err != nil || group.Number() < l.groups.newest().Number() {
		answer <- err
		return nil
	}
	book := l.groups.withPeers(peers)
	if newer {
		book = book.withGroup(group, false)
	}
	if err := l.connect(book, true); err != nil {
		answer <- fmt.Errorf("connect to the members of group %d: %w", group.Number(), err)
		return nil
	}
	if newer {
		err = l.begin(group)
		l.announce(l.Online()...)
	}
	answer <- err
	return err
}

// begin hands over to a group.
func (l *loop) begin(group *membership.Group) error {
	member, muted := group.Contains(l.groups.self), l.muted(group)
	l.log.Info("group adopted", "group", group.Number(), "id", group.ID().String(), "members", group.N(), "member", member)
	if member && muted {
		l.warnMuted(group)
	}
	return l.step(engine.Adopt{Group: group, Muted: muted})
}

// found adds a group that was skipped and that other members described.
func (l *loop) found(group *membership.Group) error {
	l.log.Info("skipped group found", "group", group.Number(), "id", group.ID().String(), "members", group.N(), "member", group.Contains(l.groups.self))
	return l.connect(l.groups.withGroup(group, true), l.dials)
}

// peerSetter is a transport whose peers can change while it runs.
type peerSetter interface {
	SetPeers(peers []membership.Peer) error
}

// guestSetter is a transport that admits former members.
type guestSetter interface {
	SetGuests(guests []keys.Public)
}

// connect replaces the loop's groups and the view of them. With dials it also sets the transport's
// peers, now and at every later change.
func (l *loop) connect(book groups, dials bool) error {
	peers := book.peers()
	if t, ok := l.config.Transport.(peerSetter); ok && dials {
		if err := t.SetPeers(peers); err != nil {
			return err
		}
		if t, ok := t.(guestSetter); ok {
			t.SetGuests(book.former(peers))
		}
	}
	l.dials = dials
	listed := make(map[keys.Public]membership.Peer, len(peers))
	for _, peer := range peers {
		listed[peer.Key] = peer
	}
	book.listed = listed // forgets former members
	l.groups = book
	l.view.Store(book.view())
	return nil
}

// closed notes that a group was closed. Its members stay connected while others may keep it open.
func (l *loop) closed(id membership.ID) {
	i := slices.IndexFunc(l.groups.all, func(j groupState) bool { return j.group.ID() == id })
	if i < 0 || l.groups.all[i].closed {
		return
	}
	j := &l.groups.all[i]
	j.closed, j.until = true, l.clock.now()+l.config.HandOver.Milliseconds()
	l.view.Store(l.groups.view())
	l.log.Info("group closed", "group", j.group.Number())
}

// disconnect ends the connections to members of groups that were closed long enough ago.
func (l *loop) disconnect() {
	now, book := l.clock.now(), l.groups
	book.all = slices.Clone(book.all)
	for i, j := range book.all {
		if j.until != 0 && j.until <= now {
			book.all[i].until = 0
		}
	}
	if err := l.connect(book, l.dials); err != nil {
		// The view excludes them anyway.
		l.log.Error("disconnecting former members failed", "err", err)
	}
}

// deadline returns when members of a closed group are disconnected next; 0: never.
func (g groups) deadline() int64 {
	var next int64
	for _, j := range g.all {
		if j.until != 0 && (next == 0 || j.until < next) {
			next = j.until
		}
	}
	return next
}
