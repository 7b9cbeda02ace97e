package ephemera

import (
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
	// Closed: this node signs nothing new there, because it closed the group or is no member.
	Closed bool
	// Connected: this node keeps in touch with the group's members. It is one, and the group is open,
	// was closed less than Config.HandOver ago, or is the newest. A node that was removed may stop
	// when no group is Connected any more.
	Connected bool
}

// view is what the border and the API see of the groups. It is immutable; the loop puts a new one
// in its place.
type view struct {
	known  []KnownGroup // ascending by number
	groups wire.Groups
	peers  map[keys.Public]bool // whom this node listens to
	// senders are the members of the groups that are in use; their messages are taken.
	senders map[keys.Public]bool
}

func (v *view) newest() *membership.Group { return v.known[len(v.known)-1].Group }

// own returns the newest group with this member, or the newest of all.
func (v *view) own(self keys.Public) *membership.Group {
	for _, k := range slices.Backward(v.known) {
		if k.Group.Contains(self) {
			return k.Group
		}
	}
	return v.newest()
}

// joined is a group as the loop keeps it.
type joined struct {
	group  *membership.Group
	closed bool
	until  int64 // when a closed group's members are disconnected, 0: they are, or the group is not closed
}

// groups is the loop's book of groups and of where members are reached (R9).
type groups struct {
	self keys.Public
	all  []joined // ascending by number
	book map[keys.Public]membership.Peer
}

// with returns a copy of the book with one group more.
func (g groups) with(group *membership.Group, closed bool) groups {
	g.all = append(slices.Clone(g.all), joined{group: group, closed: closed || !group.Contains(g.self)})
	return g
}

// reached returns a copy that knows where these peers are reached now.
func (g groups) reached(peers []membership.Peer) groups {
	g.book = maps.Clone(g.book) // never nil
	for _, peer := range peers {
		g.book[peer.Key] = peer
	}
	return g
}

func (g groups) newest() *membership.Group { return g.all[len(g.all)-1].group }

// byID returns a group that the node knows.
func (g groups) byID(id membership.ID) *membership.Group {
	return g.all[slices.IndexFunc(g.all, func(j joined) bool { return j.group.ID() == id })].group
}

// judge tells whether a group is news. A known number is none, and with other content it is
// refused.
func (g groups) judge(group *membership.Group) (news bool, err error) {
	for _, j := range g.all {
		if j.group.Number() == group.Number() && j.group.ID() != group.ID() {
			return false, fmt.Errorf("%w: number %d is that of group %s, not of %s", store.ErrGroup, group.Number(), j.group.ID(), group.ID())
		}
	}
	return group.Number() > g.newest().Number(), nil
}

// connected tells whether this member keeps in touch with the members of its i-th group: while it
// is open and, for others may still need what was certified there, a while after; with those of the
// newest always.
func (g groups) connected(i int) bool {
	j := g.all[i]
	return j.group.Contains(g.self) && (!j.closed || j.until != 0 || i == len(g.all)-1)
}

// peers returns the members to be connected with.
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
				peer := g.book[key]
				peer.Key = key
				peers = append(peers, peer)
			}
		}
	}
	return peers
}

func (g groups) view() *view {
	v := &view{peers: map[keys.Public]bool{}, senders: map[keys.Public]bool{}}
	var newestFirst []*membership.Group
	for i, j := range g.all {
		v.known = append(v.known, KnownGroup{Group: j.group, Closed: j.closed, Connected: g.connected(i)})
		newestFirst = append(newestFirst, j.group)
		if g.connected(i) || i == len(g.all)-1 {
			for _, key := range j.group.Members() {
				v.senders[key] = true
			}
		}
	}
	slices.Reverse(newestFirst)
	v.groups = wire.NewGroups(newestFirst...)
	for _, peer := range g.peers() {
		v.peers[peer.Key] = true
	}
	return v
}

// loadGroups records the configured group, if it is news, and returns all recorded ones with what
// is durable of those with this member.
func (n *Node) loadGroups(ctx context.Context) (groups, []engine.Known, error) {
	self, given := n.config.Key.Public(), n.config.Group
	recorded, err := n.config.Store.Groups(ctx)
	if err != nil {
		return groups{}, nil, fmt.Errorf("load groups: %w", err)
	}
	book := groups{self: self, book: map[keys.Public]membership.Peer{}}.reached(n.config.Peers)
	for _, r := range recorded {
		book = book.with(r.Group, r.Closed)
	}
	news := true
	if len(recorded) > 0 {
		if news, err = book.judge(given); err != nil {
			return groups{}, nil, fmt.Errorf("configured group: %w", err)
		}
	}
	if news {
		if err := n.config.Store.Commit(ctx, []store.Write{store.PutGroup{Group: given}}); err != nil {
			return groups{}, nil, fmt.Errorf("record group %d: %w", given.Number(), err)
		}
		book = book.with(given, false)
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
			if k.Muted && !k.Closed {
				n.warnMuted(j.group)
			}
		}
		known = append(known, k)
	}
	if last := len(book.all) - 2; last >= 0 && book.all[last].closed {
		book.all[last].until = n.clock.now() + n.config.HandOver.Milliseconds() // others may not have closed it yet
	}
	if !member {
		return groups{}, nil, fmt.Errorf("key %s is no member of group %d, nor of one before it: run the node whose key the members' list names, or give out a list with this key and a higher number", self, book.newest().Number())
	}
	return book, known, nil
}

// cursors puts what the application says that it has taken in the place of the store's cursors.
func (n *Node) cursors(ctx context.Context, group *membership.Group, chains []store.Chain) ([]store.Chain, error) {
	keeper, ok := n.app.(CursorKeeper)
	if !ok {
		return chains, nil
	}
	taken, err := keeper.Cursors(ctx, group.ID())
	if err != nil {
		return nil, fmt.Errorf("cursors of the application in group %d: %w", group.Number(), err)
	}
	for i, c := range chains {
		chains[i].Delivered = taken[c.Creator]
		delete(taken, c.Creator)
	}
	for _, creator := range group.Members() { // taken from a store that was lost
		if height := taken[creator]; height > 0 {
			chains = append(chains, store.Chain{Creator: creator, Delivered: height})
		}
	}
	return chains, nil
}

func (n *Node) muted(group *membership.Group) bool {
	return group.Number() <= n.config.Votes.MutedThrough()
}

// mutedAdvice says what is wrong with a muted node, and what mends it (R8).
const mutedAdvice = "has lost the store of its votes, or has an older one (give the members' list a higher number)"

func (n *Node) warnMuted(group *membership.Group) {
	n.log.Warn("this node "+mutedAdvice+"; until then it sends and delivers, and signs no block", "group", group.Number())
}

// Adopt tells the node of a group that a membership provider knows (R9), and where its members are
// reached; peers beyond the group's members are those of older groups that moved. The node begins
// new chains in a group with a higher number than all before, and closes those before it when
// nothing is under way there, or after Config.HandOver; until then and a while longer it stays
// connected with their members. A known group brings new addresses only, an older number is no news
// and no error: a member that hears of a group first after a later one takes no part in the earlier
// one and does not get its blocks, so providers pass on every group. It returns after the group is
// recorded.
//
// Errors: store.ErrGroup when the number belongs to another group; membership.ErrInvalid for a
// group of another network, or one that is too large for a node; what the transport says about the
// addresses. In all these cases nothing has changed.
func (n *Node) Adopt(ctx context.Context, group *membership.Group, peers []membership.Peer) error {
	switch {
	case group == nil:
		return fmt.Errorf("%w: there is none", membership.ErrInvalid)
	case group.Network() != n.config.Group.Network():
		return fmt.Errorf("%w: it is of network %q, this is %q", membership.ErrInvalid, group.Network(), n.config.Group.Network())
	case group.N() > membership.MaxMembers:
		return fmt.Errorf("%w: %d members, a node runs in at most %d", membership.ErrInvalid, group.N(), membership.MaxMembers)
	}
	return n.ask(ctx, func(l *loop, answer chan<- error) error { return l.adopt(group, peers, answer) })
}

// CloseGroup ends this member's signing in a group that the application does not need any more,
// durably and for ever: of an old one earlier than Config.HandOver says, or of the newest, which
// then makes no block until the next one. store.ErrNotFound when the node does not know the group.
func (n *Node) CloseGroup(ctx context.Context, id membership.ID) error {
	return n.ask(ctx, func(l *loop, answer chan<- error) error {
		if !slices.ContainsFunc(l.groups.all, func(j joined) bool { return j.group.ID() == id }) {
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

// adopt takes a group. What it returns ends the loop; answer gets whatever became of the group.
func (l *loop) adopt(group *membership.Group, peers []membership.Peer, answer chan<- error) error {
	news, err := l.groups.judge(group)
	if err != nil || group.Number() < l.groups.newest().Number() {
		answer <- err
		return nil
	}
	book := l.groups.reached(peers)
	if news {
		book = book.with(group, false)
	}
	if err := l.connect(book, true); err != nil {
		answer <- fmt.Errorf("connect with the members of group %d: %w", group.Number(), err)
		return nil
	}
	if news {
		err = l.begin(group)
		l.announce(l.Online()...)
	}
	answer <- err
	return err
}

// begin hands over to a group. One without this member is recorded all the same, so that after a
// restart nothing is proposed before it.
func (l *loop) begin(group *membership.Group) error {
	member, muted := group.Contains(l.groups.self), l.muted(group)
	l.log.Info("new group", "group", group.Number(), "id", group.ID().String(), "members", group.N(), "member", member)
	if !member {
		if err := l.commit([]store.Write{store.PutGroup{Group: group}}); err != nil {
			return err
		}
	} else if muted {
		l.warnMuted(group)
	}
	return l.step(engine.Adopt{Group: group, Muted: muted})
}

// peerSetter is a transport whose peers can change while it runs.
type peerSetter interface {
	SetPeers(peers []membership.Peer) error
}

// connect makes a book the loop's and shows it to everybody. With dials it tells the transport whom
// to be connected with, from now on at every change.
func (l *loop) connect(book groups, dials bool) error {
	peers := book.peers()
	if t, ok := l.config.Transport.(peerSetter); ok && dials {
		if err := t.SetPeers(peers); err != nil {
			return err
		}
	}
	l.dials = dials
	listed := make(map[keys.Public]membership.Peer, len(peers))
	for _, peer := range peers {
		listed[peer.Key] = peer
	}
	book.book = listed // where former members were reached is forgotten
	l.groups = book
	l.view.Store(book.view())
	return nil
}

// closed notes that a group was closed. Its members stay connected for as long as others may keep
// it open.
func (l *loop) closed(id membership.ID) {
	i := slices.IndexFunc(l.groups.all, func(j joined) bool { return j.group.ID() == id })
	if i < 0 || l.groups.all[i].closed {
		return
	}
	j := &l.groups.all[i]
	j.closed, j.until = true, l.clock.now()+l.config.HandOver.Milliseconds()
	l.view.Store(l.groups.view())
	l.log.Info("group closed", "group", j.group.Number())
}

// disconnect ends the connections with members of groups that were closed long enough ago.
func (l *loop) disconnect() {
	now, book := l.clock.now(), l.groups
	book.all = slices.Clone(book.all)
	for i, j := range book.all {
		if j.until != 0 && j.until <= now {
			book.all[i].until = 0
		}
	}
	if err := l.connect(book, l.dials); err != nil {
		l.log.Error("disconnect former members", "err", err) // they are not listened to all the same
	}
}

// deadline returns when the next closed group's members are disconnected, 0: nobody is.
func (g groups) deadline() int64 {
	var next int64
	for _, j := range g.all {
		if j.until != 0 && (next == 0 || j.until < next) {
			next = j.until
		}
	}
	return next
}
