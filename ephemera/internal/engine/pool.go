package engine

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// poolPeer is what a member was sent of the mempool, and what it said of its own (R6).
type poolPeer struct {
	key  keys.Public
	sent uint64 // change of the last digest that it was sent
	seen uint64 // changes when it was last considered
	due  int64  // when it is sent all digests again: frames may be lost
	wait int64  // between the next two times
	// differs are the senders of whom it named other messages than are here, ascending.
	differs []difference
	open    bool // some of differs may not be repaired

	served int   // messages listed for it
	until  int64 // when served is set to 0
}

// difference is a digest of a member that differs from the one here.
type difference struct {
	sender keys.Public
	digest block.Digest
	// repaired says that the member listed what the digest covers, and that nothing of it is wanted.
	repaired bool
	times    int    // how often it was asked
	due      int64  // when it may be asked again
	pause    int64  // when it may be asked for another digest of this sender
	round    uint64 // in which it was asked last, from 1; 0: never
}

// maxAsked is how often a member is asked for what a digest covers. After that the difference is
// forgotten until the member names it again.
const maxAsked = 9

// exchangePool sends the members of the newest group the digests of the mempool, and asks members
// for what differs. It reports whether there is nothing more to do before due unless something
// changes.
func (e *Engine) exchangePool(now int64) (idle bool, due int64) {
	idle, due = e.refreshDigests(now), now+lastHeartbeat*e.config.Exchange
	if len(e.parts) > 0 {
		p := e.parts[len(e.parts)-1]
		held := e.holding.holds(e.pool.DigestChanges(), e.quietRounds(p))
		idle = idle && !held
		for i, peer := range e.poolPeersOf(p) {
			if peer != nil {
				if !held {
					idle = e.sendDigests(now, peer, e.heartbeats(p, i)) && idle
				}
				due = min(due, peer.due)
			}
		}
	}
	next, asked := e.askForListings(now)
	return idle && !asked, min(due, next)
}

// refreshDigests updates the digests of the mempool. They cover messages that have been here for a
// round, or longer in a large group: others are on their way to some members, and have gone into
// the blocks of others. It reports whether they cover all.
func (e *Engine) refreshDigests(now int64) (settled bool) {
	age := e.config.Exchange
	if len(e.parts) > 0 {
		age = e.pace(e.parts[len(e.parts)-1])
	}
	return e.pool.RefreshDigests(now - age)
}

// sendDigests sends a member the digests that changed since it was sent some, or all if they are
// due. It reports whether the member has now been sent everything.
func (e *Engine) sendDigests(now int64, peer *poolPeer, h heartbeats) (done bool) {
	changes := e.pool.DigestChanges()
	if changes != peer.seen {
		peer.seen, peer.wait = changes, h.first
		peer.due = min(peer.due, now+peer.wait)
	}
	if peer.due <= now {
		peer.sent, peer.wait = 0, max(peer.wait, h.first)
		peer.due = h.due(now, peer.wait)
		peer.wait = min(2*peer.wait, h.last)
	}
	if peer.sent == changes {
		return true
	}
	again := e.makeDigestFrame(peer.sent)
	if len(e.digests.frame.Digests) == 0 {
		return true
	}
	peer.sent = e.digests.last
	e.emit(Send{To: peer.key, Frame: e.digests.frame, Again: again && e.lastSent(e.digests.frame)})
	return peer.sent == peer.seen
}

// digestFrame is the frame with digests that was made last. It is the same for most members.
type digestFrame struct {
	frame          wire.Pool
	after, changes uint64 // it has the digests that changed from after on, up to changes
	last           uint64 // change of the last one in the frame
	made           bool
}

// makeDigestFrame makes the frame with the digests that changed after a change. It reports whether
// that is the frame that was made last.
func (e *Engine) makeDigestFrame(after uint64) (same bool) {
	d, changes := &e.digests, e.pool.DigestChanges()
	if d.made && d.after == after && d.changes == changes {
		return true
	}
	digests := e.pool.Digests(after, wire.MaxListings)
	*d = digestFrame{after: after, changes: changes, made: true, frame: poolFrame(digests)}
	if len(digests) > 0 {
		d.last = digests[len(digests)-1].Change
	}
	return false
}

// lastSent reports whether the last effect sends these digests.
func (e *Engine) lastSent(f wire.Pool) bool {
	if len(e.out) == 0 {
		return false
	}
	send, _ := e.out[len(e.out)-1].(Send)
	other, ok := send.Frame.(wire.Pool)
	return ok && len(other.Digests) > 0 && &other.Digests[0] == &f.Digests[0]
}

func poolFrame(digests []mempool.SenderDigest) wire.Pool {
	f := wire.Pool{Digests: make([]wire.SenderDigest, len(digests))}
	for i, d := range digests {
		f.Digests[i] = wire.SenderDigest{Sender: d.Sender, Digest: d.Digest}
	}
	slices.SortFunc(f.Digests, func(a, b wire.SenderDigest) int { return a.Sender.Compare(b.Sender) })
	return f
}

// poolPeer returns what is known of a member of a group in memory, or nil for anybody else.
func (e *Engine) poolPeer(key keys.Public) *poolPeer {
	i, ok := slices.BinarySearchFunc(e.poolPeers, key, func(p *poolPeer, key keys.Public) int { return p.key.Compare(key) })
	if ok {
		return e.poolPeers[i]
	}
	if key == e.config.Self || !e.isMember(key) {
		return nil
	}
	peer := &poolPeer{key: key}
	e.poolPeers = slices.Insert(e.poolPeers, i, peer)
	return peer
}

// poolPeersOf returns what is known of the members of a group, in its order. It is nil for this
// member.
func (e *Engine) poolPeersOf(p *part) []*poolPeer {
	if p.pool == nil {
		for i := range p.peers {
			p.pool = append(p.pool, e.poolPeer(p.group.Member(i)))
		}
	}
	return p.pool
}

// isMember reports whether somebody is a member of a group in memory.
func (e *Engine) isMember(key keys.Public) bool {
	return slices.ContainsFunc(e.parts, func(p *part) bool { return p.group.Contains(key) })
}

// forgetPeers forgets those who are in no group in memory any more.
func (e *Engine) forgetPeers() {
	e.poolPeers = slices.DeleteFunc(e.poolPeers, func(p *poolPeer) bool { return !e.isMember(p.key) })
}

// connectedPool sends the digests at once to a member that is reachable again.
func (e *Engine) connectedPool(now int64, key keys.Public) {
	if len(e.parts) == 0 {
		return
	}
	p := e.parts[len(e.parts)-1]
	member, ok := p.group.Index(key)
	if !ok {
		return
	}
	if peer := e.poolPeer(key); peer != nil {
		*peer = poolPeer{key: key}
		if !e.refreshDigests(now) || !e.sendDigests(now, peer, e.heartbeats(p, member)) {
			e.scheduleRound(now)
		}
		e.round.due = min(e.round.due, peer.due)
	}
}

// takeDigests compares a member's digests with the mempool here, and asks for what differs.
func (e *Engine) takeDigests(now int64, from keys.Public, f wire.Pool) {
	peer, own := e.poolPeer(from), e.ownDigests()
	if peer == nil {
		return
	}
	var ask []keys.Public
	for i := range f.Digests {
		sender := f.Digests[i].Sender
		for len(own) > 0 && own[0].Sender.Compare(sender) < 0 {
			own = own[1:]
		}
		if len(peer.differs) == 0 && len(own) > 0 && own[0] == f.Digests[i] {
			continue // it is what is here, as most are
		}
		d := e.compareDigest(peer, sender, f.Digests[i].Digest)
		if d == nil || d.repaired || !e.pool.HasRoom(sender) {
			continue
		}
		if len(ask) < wire.MaxSenders && d.due <= now && (sender == from || !e.listed[sender]) {
			e.noteAsked(now, d)
			ask = append(ask, sender)
		} else {
			e.scheduleRound(now)
		}
	}
	e.askFor(now, peer, ask)
}

// ownDigests returns digests of the mempool, ascending by sender: those that were sent last, if
// none has changed since.
func (e *Engine) ownDigests() []wire.SenderDigest {
	if e.digests.changes != e.pool.DigestChanges() {
		return nil
	}
	return e.digests.frame.Digests
}

// compareDigest notes what a member says of a sender. It returns nil if they agree.
func (e *Engine) compareDigest(peer *poolPeer, sender keys.Public, digest block.Digest) *difference {
	i, found := peer.find(sender)
	if digest == (block.Digest{}) || e.pool.Agrees(sender, digest) {
		if found {
			peer.differs = slices.Delete(peer.differs, i, i+1)
		}
		return nil
	}
	if !found {
		if len(peer.differs) >= wire.MaxListings {
			peer.differs, i = nil, 0 // it names them again
		}
		peer.differs = slices.Insert(peer.differs, i, difference{sender: sender, digest: digest})
	}
	d := &peer.differs[i]
	if d.digest != digest {
		d.renew(digest)
	}
	d.repaired = d.repaired || e.pool.Dismissed(digest)
	peer.open = peer.open || !d.repaired
	return d
}

// renew replaces the digest. However fast a member's digests change, it is asked at the same
// pace.
func (d *difference) renew(digest block.Digest) {
	*d = difference{sender: d.sender, digest: digest, due: d.pause, pause: d.pause, round: d.round}
}

func (p *poolPeer) find(sender keys.Public) (int, bool) {
	return slices.BinarySearchFunc(p.differs, sender, func(d difference, sender keys.Public) int { return d.sender.Compare(sender) })
}

// mayAsk reports whether it is time to ask for what a digest covers.
func (e *Engine) mayAsk(now int64, d *difference) bool {
	return !d.repaired && d.due <= now && e.pool.HasRoom(d.sender)
}

// noteAsked notes that a member is asked. The wait doubles, and a round may begin a little early.
func (e *Engine) noteAsked(now int64, d *difference) {
	d.due, d.pause = now+e.config.Exchange/2<<d.times, now+e.config.Exchange/2
	d.times++
	d.round = e.round.count + 1
	e.listed[d.sender] = true
}

func (e *Engine) askFor(now int64, peer *poolPeer, senders []keys.Public) {
	if len(senders) > 0 {
		e.scheduleRound(now)
		e.send(peer.key, wire.GetListing{Senders: senders})
	}
}

// askForListings asks again for what still differs: for each sender the member that was not asked
// for the longest time. It returns when the next is due, and whether it asked.
func (e *Engine) askForListings(now int64) (due int64, asked bool) {
	clear(e.listed)
	due = now + lastHeartbeat*e.config.Exchange
	first := make(map[keys.Public]*difference)
	for _, peer := range e.poolPeers {
		if !peer.open {
			continue
		}
		peer.open = false
		peer.differs = slices.DeleteFunc(peer.differs, func(d difference) bool {
			return !d.repaired && (d.times >= maxAsked && d.due <= now || e.pool.Agrees(d.sender, d.digest))
		})
		for i := range peer.differs {
			d := &peer.differs[i]
			d.repaired = d.repaired || e.pool.Dismissed(d.digest)
			peer.open = peer.open || !d.repaired
			if e.mayAsk(now, d) {
				if other := first[d.sender]; other == nil || d.round < other.round {
					first[d.sender] = d
				}
			} else if !d.repaired && d.due > now {
				due = min(due, d.due)
			}
		}
	}
	for _, peer := range e.poolPeers {
		if !peer.open || len(first) == 0 {
			continue
		}
		var ask []keys.Public
		for i := range peer.differs {
			if d := &peer.differs[i]; first[d.sender] == d && len(ask) < wire.MaxSenders {
				e.noteAsked(now, d)
				ask = append(ask, d.sender)
			}
		}
		e.askFor(now, peer, ask)
	}
	return due, len(first) > 0
}

// takeListing asks for the bodies of listed messages that are wanted. If none of those that a
// digest covers is, the digest is not asked for again.
func (e *Engine) takeListing(now int64, from keys.Public, f wire.Listing) {
	var wanted []block.MessageID
	for rest := f.Messages; len(rest) > 0; {
		count := 1
		for count < len(rest) && rest[count].Sender == rest[0].Sender {
			count++
		}
		wanted = append(wanted, e.takeListed(from, rest[:count])...)
		rest = rest[count:]
	}
	if len(wanted) > 0 {
		e.scheduleRound(now) // rounds measure how long the answer takes
		e.send(from, wire.GetMessages{IDs: wanted})
	}
}

// takeListed returns which of the listed messages of one sender to ask for.
func (e *Engine) takeListed(from keys.Public, listed []wire.Listed) (ask []block.MessageID) {
	ids, sender, wanted := make([]block.MessageID, len(listed)), listed[0].Sender, false
	for i := range listed {
		ids[i] = listed[i].ID
		if e.pool.Wants(ids[i], sender) {
			wanted = true
			if e.shouldRequest(ids[i]) {
				ask = append(ask, ids[i])
			}
		}
	}
	peer := e.poolPeer(from)
	if peer == nil || wanted || !e.pool.HasRoom(sender) {
		return ask
	}
	if i, ok := peer.find(sender); ok && peer.differs[i].digest == block.DigestMessages(e.newest.Network(), ids) {
		peer.differs[i].repaired = true
		e.pool.Dismiss(peer.differs[i].digest)
	}
	return ask
}

// serveListing answers with what the digests of some senders cover. In a while it lists a bounded
// number of messages for a member, or all of one sender.
func (e *Engine) serveListing(now int64, from keys.Public, f wire.GetListing) {
	peer := e.poolPeer(from)
	if peer == nil {
		return
	}
	if peer.until <= now {
		peer.served, peer.until = 0, now+max(e.config.Exchange/2, peer.wait/(2*firstHeartbeat))
	}
	var all []wire.Listed
	var none wire.Pool
	for _, sender := range f.Senders {
		ids := e.pool.Listed(sender)
		cost := max(1, len(ids))
		if peer.served > 0 && peer.served+cost > wire.MaxListings {
			break
		}
		peer.served += cost
		if len(ids) == 0 {
			none.Digests = append(none.Digests, wire.SenderDigest{Sender: sender})
		}
		for _, id := range ids {
			all = append(all, wire.Listed{ID: id, Sender: sender})
		}
	}
	for chunk := range slices.Chunk(all, wire.MaxListings) {
		e.send(from, wire.Listing{Messages: chunk})
	}
	if len(none.Digests) > 0 {
		e.send(from, none)
	}
}

// retryListings forgets for which digests nothing was wanted, because what is wanted changed.
func (e *Engine) retryListings() {
	for _, peer := range e.poolPeers {
		for i := range peer.differs {
			peer.differs[i].renew(peer.differs[i].digest)
			peer.open = true
		}
	}
}
