// Package mempool is a bounded, de-duplicating store of signed messages that are not yet in a
// certified block. The engine owns it; the application chooses which messages make a block.
//
// The package is pure: time is an argument, and nothing here waits or locks.
package mempool

import (
	"container/list"
	"errors"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Include says which messages this node's blocks may hold.
type Include uint8

const (
	// Own includes messages that were submitted to this node. After a restart it also includes
	// messages of the node's own key from before, once other members send them back. Other members'
	// messages leave when they are in a certified block of anybody.
	Own Include = iota
	// All includes everybody's messages, once per chain: a message leaves when it is in a certified
	// own block.
	All
)

// The reasons why Add does not accept a message.
var (
	ErrDuplicate = errors.New("message is already known")
	ErrFull      = errors.New("mempool is full: retry later, or raise its limits")
	ErrQuota     = errors.New("the sender has too many messages in the mempool: retry later, or raise the quota")
	ErrExpired   = errors.New("message is older than the mempool keeps messages: check the sender's clock")
	ErrFuture    = errors.New("message is dated ahead of this node's clock: check both clocks")
)

// Counts holds what happened to messages since the start. A message that came in (Taken or
// Returned) is either still there or counted as having left (Included, Dropped or TimedOut).
type Counts struct {
	Taken, Returned                         uint64 // came in: by Add, or by Return after they had left
	Duplicate, Full, Quota, Expired, Future uint64 // not accepted, by the error of Add
	Included, Dropped, TimedOut             uint64 // left: certified, named by Drop, or expired
}

// Moment is the time of an event on both of a node's clocks, in milliseconds. Now never runs
// backwards, whatever happens to the wall clock; waits are measured with it. Wall is the time since
// 1970 by the wall clock, which is what signed times are compared with. It may be set at any time,
// in either direction.
type Moment struct{ Now, Wall int64 }

// Entry is a message in the mempool.
type Entry struct {
	Message block.Message
	Local   bool          // submitted to this node
	Since   int64         // Moment.Now of its arrival
	expiry  int64         // Moment.Now at which it expires
	kept    bool          // returned from a closed group: it does not expire
	group   membership.ID // the only group whose blocks may hold it; zero: any
	place   int           // in share.entries
	before  *Entry        // in the order of arrival
	after   *Entry
}

// Mempool holds messages in the order of arrival. It is not safe for concurrent use.
type Mempool struct {
	limits   Limits
	include  Include
	first    *Entry // of all, in the order of arrival
	last     *Entry
	entries  map[block.MessageID]*Entry
	bySender map[keys.Public]*share
	bytes    int  // of entries and pending
	full     bool // a message did not fit into limits.Bytes, and none has left since
	changes  uint64
	counts   Counts
	done     *done                     // included or dropped: not accepted again
	refused  *history[block.MessageID] // recently refused: not fetched again
	digests  digests
	// dismissed are digests of which nothing is wanted.
	dismissed *history[block.Digest]

	asked        *list.List                        // of *question, in the order of arrival
	pending      map[block.MessageID]*list.Element // in asked
	pendingBytes int
	waiting      int // of asked: the application said later
}

// New returns an empty mempool.
func New(include Include, limits Limits) *Mempool {
	limits = limits.WithDefaults()
	return &Mempool{
		limits: limits, include: include, entries: make(map[block.MessageID]*Entry),
		bySender: make(map[keys.Public]*share), done: newDone(limits.Known, limits.Skew.Milliseconds()), refused: newHistory[block.MessageID](limits.Messages),
		dismissed: newHistory[block.Digest](limits.Messages),
		asked:     list.New(), pending: make(map[block.MessageID]*list.Element),
	}
}

// SetLimits changes the limits. Messages that are in the mempool stay, even if they exceed them.
func (p *Mempool) SetLimits(limits Limits) {
	p.limits, p.full = limits.WithDefaults(), false
	for _, sent := range p.bySender {
		sent.full = false
	}
}

// Len returns the number of messages.
func (p *Mempool) Len() int { return len(p.entries) }

// Changes counts arrivals and departures: while it stays the same, so do the messages.
func (p *Mempool) Changes() uint64 { return p.changes }

// Bytes returns the total encoded size of all messages.
func (p *Mempool) Bytes() int { return p.bytes - p.pendingBytes }

// Counts returns what happened to messages since the start.
func (p *Mempool) Counts() Counts { return p.counts }

// Add takes a verified message that the application accepts, or returns why it does not. Local
// marks a message that was submitted to this node.
func (p *Mempool) Add(m block.Message, local bool, at Moment) error {
	return p.counted(at, func() error { return p.add(m, local, at) })
}

// counted adds a message, once more after expired ones have made room, and counts an error.
func (p *Mempool) counted(at Moment, add func() error) error {
	err := add()
	if err == ErrFull {
		if removed, _ := p.Expire(at.Now); removed > 0 {
			err = add()
		}
	}
	switch err {
	case ErrDuplicate:
		p.counts.Duplicate++
	case ErrFull:
		p.counts.Full++
	case ErrQuota:
		p.counts.Quota++
	case ErrExpired:
		p.counts.Expired++
	case ErrFuture:
		p.counts.Future++
	}
	return err
}

func (p *Mempool) add(m block.Message, local bool, at Moment) error {
	id := m.ID()
	if entry, ok := p.entries[id]; ok {
		if local && !entry.Local {
			entry.Local = true
			return nil // gossip was faster; from now on this node's block may hold it
		}
		return ErrDuplicate
	}
	p.release(id)
	if err := p.admissible(m, at); err != nil {
		return err
	}
	p.insert(m, at).Local = local
	p.counts.Taken++
	return nil
}

// admissible returns why there is no room for a message, or why it is not accepted any more.
func (p *Mempool) admissible(m block.Message, at Moment) error {
	sent := p.share(m.Sender())
	switch {
	case p.done.has(m.ID()):
		return ErrDuplicate
	case m.Time() > p.latest(at.Wall):
		return ErrFuture
	case p.Expiry(m, at) <= at.Now, p.done.forgot(m.Time()):
		return ErrExpired
	case sent.count >= p.limits.PerSender:
		return ErrQuota
	case sent.bytes+m.Size() > p.limits.SenderBytes:
		sent.full = sent.count > 0
		return ErrQuota
	case len(p.entries)+p.asked.Len() >= p.limits.Messages:
		return ErrFull
	case p.bytes+m.Size() > p.limits.Bytes:
		p.full = len(p.entries)+p.asked.Len() > 0
		return ErrFull
	}
	return nil
}

func (p *Mempool) insert(m block.Message, at Moment) *Entry {
	p.occupy(m)
	return p.push(m, at)
}

// push adds an entry whose room is occupied.
func (p *Mempool) push(m block.Message, at Moment) *Entry {
	entry := &Entry{Message: m, Since: at.Now, expiry: p.Expiry(m, at)}
	p.entries[m.ID()] = entry
	p.enqueue(entry)
	p.changes++
	sent := p.bySender[m.Sender()]
	sent.insert(entry)
	p.digests.changed(sent)
	return entry
}

// occupy counts a message towards the limits.
func (p *Mempool) occupy(m block.Message) {
	sent, ok := p.bySender[m.Sender()]
	if !ok {
		sent = &share{sender: m.Sender()}
		p.bySender[m.Sender()] = sent
	}
	sent.count++
	sent.bytes += m.Size()
	p.bytes += m.Size()
}

// Expiry returns at which Moment.Now a message expires that is accepted at a moment. How long it
// lives depends on its signed time alone. From then on a step of the wall clock has no part in it.
func (p *Mempool) Expiry(m block.Message, at Moment) int64 {
	return at.Now + m.Time() + p.limits.TTL.Milliseconds() - at.Wall
}

// latest returns the latest signed time that is accepted.
func (p *Mempool) latest(wall int64) int64 { return wall + p.limits.Skew.Milliseconds() }

// Complete reports whether the mempool remembers everything that was included or dropped and that
// is signed since a time.
func (p *Mempool) Complete(since int64) bool { return p.done.complete(since) }

// Forgotten counts the messages that were included or dropped and are forgotten.
func (p *Mempool) Forgotten() uint64 { return p.done.forgotten }

// ForgetRefused says that what was refused may be accepted now, because senders were added.
func (p *Mempool) ForgetRefused() { p.wantMore() }

// wantMore says that what was not wanted may be now.
func (p *Mempool) wantMore() {
	p.refused.clear()
	p.dismissed.clear()
}

// Recall remembers messages that were included, so that they are not accepted again. They are all
// that were and that are signed since a time, so nothing signed before it is accepted, and anything
// signed since may be.
func (p *Mempool) Recall(included []Included, since, wall int64) {
	p.wantMore()
	p.done.restart(since - 1)
	for _, m := range included {
		p.done.add(m.ID, m.Time, m.Own, wall)
	}
}

// Included is a message that was included, with its signed time.
type Included struct {
	ID   block.MessageID
	Time int64
	Own  bool // in one of this member's blocks
}

// ClockStepped says that the wall clock was set. What was refused by the old time may be accepted
// by the new one.
func (p *Mempool) ClockStepped(wall int64) {
	p.wantMore()
	p.done.stepped(wall)
}

// Wants reports whether a message of this sender would be accepted, as far as that is known without
// its body. Once a message did not fit the sender's bytes or the total, none is wanted until
// another one leaves. So bodies are not fetched only to be dropped.
func (p *Mempool) Wants(id block.MessageID, sender keys.Public) bool {
	_, known := p.entries[id]
	_, pending := p.pending[id]
	if known || pending || p.done.has(id) || p.refused.has(id) {
		return false
	}
	return p.HasRoom(sender)
}

// HasRoom reports whether there is room for a message of this sender, as far as is known.
func (p *Mempool) HasRoom(sender keys.Public) bool {
	sent := p.share(sender)
	return sent.count < p.limits.PerSender && !sent.full && len(p.entries)+p.asked.Len() < p.limits.Messages && !p.full
}

// Refuse remembers a message as unwanted for a while, so that it is not fetched and asked about
// over and over. If it is pending, it is so no longer.
func (p *Mempool) Refuse(id block.MessageID) {
	p.release(id)
	p.refused.add(id)
}

// Get returns the message with this ID.
func (p *Mempool) Get(id block.MessageID) (block.Message, bool) {
	entry, ok := p.entries[id]
	if !ok {
		return block.Message{}, false
	}
	return entry.Message, true
}

// Direct restricts a message to the blocks of one group.
func (p *Mempool) Direct(id block.MessageID, group membership.ID) {
	if entry, ok := p.entries[id]; ok {
		entry.group = group
	}
}

// Undirect lifts the restriction of messages to a group, which is closed.
func (p *Mempool) Undirect(group membership.ID) {
	for entry := p.first; entry != nil; entry = entry.after {
		if entry.group == group {
			entry.group = membership.ID{}
		}
	}
}

// Candidates returns the messages that the next own block in a group may hold, in the order of
// arrival, and which of them are restricted to that group. It leaves out messages for which except
// returns true.
func (p *Mempool) Candidates(
	group membership.ID, except func(block.MessageID) bool,
) (candidates []block.Message, directed map[block.MessageID]bool) {
	if p.include == All {
		candidates = make([]block.Message, 0, len(p.entries))
	}
	for entry := p.first; entry != nil; entry = entry.after {
		switch {
		case !entry.Local && p.include != All, except(entry.Message.ID()):
		case entry.group == membership.ID{}:
			candidates = append(candidates, entry.Message)
		case entry.group == group:
			candidates = append(candidates, entry.Message)
			if directed == nil {
				directed = make(map[block.MessageID]bool)
			}
			directed[entry.Message.ID()] = true
		}
	}
	return candidates, directed
}

// Each calls visit for each entry in the order of arrival, until visit returns false.
func (p *Mempool) Each(visit func(*Entry) bool) {
	for entry := p.first; entry != nil; entry = entry.after {
		if !visit(entry) {
			return
		}
	}
}

// Certified removes the messages of a certified block. With All, only this node's block removes
// its messages.
func (p *Mempool) Certified(messages []block.Message, own bool, wall int64) {
	if p.include == All && !own {
		return
	}
	p.dismissPresent(block.Block{Messages: messages}.MessageIDs())
	for _, m := range messages {
		p.counts.Included += p.settle(m.ID(), m.Time(), own, wall)
	}
}

// Return takes back the messages of this node's block whose group was closed, except those that
// were included since, or may have been. They no longer expire, and the limits do not keep them
// out: there is at most one such block per group.
func (p *Mempool) Return(messages []block.Message, at Moment) {
	for _, m := range messages {
		entry, ok := p.entries[m.ID()]
		if !ok {
			if p.done.has(m.ID()) || p.done.forgot(m.Time()) {
				continue
			}
			p.release(m.ID())
			entry = p.insert(m, at)
			p.counts.Returned++
		}
		entry.Local, entry.kept = true, true
	}
}

// Drop removes messages. They are not accepted again.
func (p *Mempool) Drop(ids []block.MessageID, wall int64) {
	p.dismissPresent(ids)
	for _, id := range ids {
		signed := p.latest(wall) // if the message is not here, remember it for as long as possible
		if m, ok := p.Get(id); ok {
			signed = m.Time()
		}
		p.counts.Dropped += p.settle(id, signed, true, wall)
	}
}

// settle removes a message and remembers its ID, even if the message was not there. It returns how
// many it removed.
func (p *Mempool) settle(id block.MessageID, signed int64, own bool, wall int64) (removed uint64) {
	if entry, ok := p.entries[id]; ok {
		p.remove(entry)
		removed++
	}
	p.release(id)
	p.done.add(id, signed, own, wall)
	return removed
}

// Expire removes messages, pending or not, that have expired at a Moment.Now. It returns how many
// it removed and when the next one expires, or 0 if none does.
func (p *Mempool) Expire(now int64) (removed int, next int64) {
	removed, next = p.expirePending(now)
	for entry := p.first; entry != nil; {
		following := entry.after
		switch {
		case entry.kept:
		case entry.expiry <= now:
			p.remove(entry)
			removed++
			p.counts.TimedOut++
		case next == 0 || entry.expiry < next:
			next = entry.expiry
		}
		entry = following
	}
	return removed, next
}

func (p *Mempool) remove(entry *Entry) {
	m := entry.Message
	p.unlink(entry)
	p.changes++
	delete(p.entries, m.ID())
	sent := p.bySender[m.Sender()]
	sent.remove(entry)
	p.digests.changed(sent)
	p.vacate(m)
}

// vacate frees the room of a message that left.
func (p *Mempool) vacate(m block.Message) {
	p.bytes -= m.Size()
	p.full = false
	sent := p.bySender[m.Sender()]
	sent.count--
	sent.bytes -= m.Size()
	sent.full = false
	if sent.count == 0 && !sent.stale {
		delete(p.bySender, m.Sender())
	}
}
