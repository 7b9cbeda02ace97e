// Package mempool is a bounded, de-duplicating store of signed messages that are not yet in a
// certified block. It is pure: time is an argument, and nothing here waits or locks. The engine
// owns it; which messages make a block is the application's choice.
package mempool

import (
	"container/list"
	"errors"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Include says which messages an own block may take.
type Include uint8

const (
	// Own takes messages that were submitted to this node; after a restart also those of its own key
	// from before that come back from others. Others' leave once they are in anybody's certified
	// block.
	Own Include = iota
	// All takes everybody's, once per chain: a message leaves when it is in an own certified block.
	All
)

// Why a message was not taken.
var (
	ErrDuplicate = errors.New("message is already known")
	ErrFull      = errors.New("mempool is full: retry later, or raise its limits")
	ErrQuota     = errors.New("the sender has too many messages in the mempool: retry later, or raise the quota")
	ErrExpired   = errors.New("message is older than the mempool keeps messages: check the sender's clock")
	ErrFuture    = errors.New("message is dated ahead of this node's clock: check both clocks")
)

// Counts are what became of messages since the start. Whatever came in, Taken or Returned, is still
// there or has left.
type Counts struct {
	Taken, Returned                         uint64 // came in: by Add, or by Return when they had left
	Duplicate, Full, Quota, Expired, Future uint64 // not taken, by the error of Add
	Included, Dropped, TimedOut             uint64 // left: settled by a certified block, named by Drop, or grown too old
}

// Entry is a message in the mempool.
type Entry struct {
	Message block.Message
	Local   bool          // submitted to this node
	Since   int64         // when it came, milliseconds since 1970
	kept    bool          // returned from a closed group: does not expire
	group   membership.ID // in whose blocks alone it belongs, zero: any
}

// Mempool keeps messages in the order of arrival. It is not safe for concurrent use.
type Mempool struct {
	limits   Limits
	include  Include
	order    *list.List // of *Entry
	entries  map[block.MessageID]*list.Element
	bySender map[keys.Public]share
	bytes    int
	full     bool // a message did not fit the bytes of all, and nothing has left since
	changes  uint64
	counts   Counts
	done     *history // included or dropped lately: not taken again
	refused  *history // not taken lately: not asked for again
}

// share is what one sender has in the mempool.
type share struct {
	count, bytes int
	full         bool // a message did not fit its bytes, and nothing has left since
}

// New makes an empty mempool.
func New(include Include, limits Limits) *Mempool {
	limits = limits.WithDefaults()
	return &Mempool{
		limits: limits, include: include, order: list.New(), entries: make(map[block.MessageID]*list.Element),
		bySender: make(map[keys.Public]share), done: newHistory(limits.Known), refused: newHistory(limits.Messages),
	}
}

// SetLimits changes the bounds. What is in the mempool stays.
func (p *Mempool) SetLimits(limits Limits) {
	p.limits, p.full = limits.WithDefaults(), false
	for sender, sent := range p.bySender {
		sent.full = false
		p.bySender[sender] = sent
	}
}

// Len returns the number of messages.
func (p *Mempool) Len() int { return p.order.Len() }

// Changes counts what came and went: the messages are the same while it stays.
func (p *Mempool) Changes() uint64 { return p.changes }

// Bytes returns the encoded size of all messages together.
func (p *Mempool) Bytes() int { return p.bytes }

// Counts returns what became of messages.
func (p *Mempool) Counts() Counts { return p.counts }

// Add takes a verified message at a time in milliseconds since 1970. Local marks messages submitted
// to this node.
func (p *Mempool) Add(m block.Message, local bool, now int64) error {
	err := p.add(m, local, now)
	if err == ErrFull {
		if removed, _ := p.Expire(now); removed > 0 {
			err = p.add(m, local, now)
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

func (p *Mempool) add(m block.Message, local bool, now int64) error {
	id := m.ID()
	if element, ok := p.entries[id]; ok {
		entry := element.Value.(*Entry)
		if local && !entry.Local {
			entry.Local = true
			return nil // it came by gossip first, and may go into an own block from now on
		}
		return ErrDuplicate
	}
	sent := p.bySender[m.Sender()]
	switch {
	case p.done.has(id):
		return ErrDuplicate
	case m.Time() > now+p.limits.Skew.Milliseconds():
		return ErrFuture
	case p.Expiry(m) <= now:
		return ErrExpired
	case sent.count >= p.limits.PerSender:
		return ErrQuota
	case sent.bytes+m.Size() > p.limits.SenderBytes:
		if sent.count > 0 {
			sent.full = true
			p.bySender[m.Sender()] = sent
		}
		return ErrQuota
	case p.order.Len() >= p.limits.Messages:
		return ErrFull
	case p.bytes+m.Size() > p.limits.Bytes:
		p.full = p.order.Len() > 0
		return ErrFull
	}
	p.insert(m, now).Value.(*Entry).Local = local
	p.counts.Taken++
	return nil
}

func (p *Mempool) insert(m block.Message, now int64) *list.Element {
	element := p.order.PushBack(&Entry{Message: m, Since: now})
	p.entries[m.ID()] = element
	p.changes++
	sent := p.bySender[m.Sender()]
	sent.count++
	sent.bytes += m.Size()
	p.bySender[m.Sender()] = sent
	p.bytes += m.Size()
	return element
}

// Expiry returns when a message is too old to be kept, by its own signed time.
func (p *Mempool) Expiry(m block.Message) int64 { return m.Time() + p.limits.TTL.Milliseconds() }

// Wants tells whether a message of this sender would be taken, as far as one can tell without its
// body: once one did not fit the bytes of the sender or of all, none is wanted until another one
// leaves, so that bodies are not fetched to be thrown away.
func (p *Mempool) Wants(id block.MessageID, sender keys.Public) bool {
	if _, known := p.entries[id]; known || p.done.has(id) || p.refused.has(id) {
		return false
	}
	sent := p.bySender[sender]
	return sent.count < p.limits.PerSender && !sent.full && p.order.Len() < p.limits.Messages && !p.full
}

// Refuse remembers for a while that a message is not wanted, so that it is not fetched again and
// again.
func (p *Mempool) Refuse(id block.MessageID) { p.refused.add(id) }

// Get returns a message by ID.
func (p *Mempool) Get(id block.MessageID) (block.Message, bool) {
	element, ok := p.entries[id]
	if !ok {
		return block.Message{}, false
	}
	return element.Value.(*Entry).Message, true
}

// Direct says that a message belongs into blocks of one group alone.
func (p *Mempool) Direct(id block.MessageID, group membership.ID) {
	if element, ok := p.entries[id]; ok {
		element.Value.(*Entry).group = group
	}
}

// Undirect lets the messages of a group that is closed go into the blocks of any.
func (p *Mempool) Undirect(group membership.ID) {
	for element := p.order.Front(); element != nil; element = element.Next() {
		if entry := element.Value.(*Entry); entry.group == group {
			entry.group = membership.ID{}
		}
	}
}

// Candidates returns the messages that the next own block in a group may take, in the order of
// arrival, but for those that except names, and which of them belong there alone.
func (p *Mempool) Candidates(
	group membership.ID, except func(block.MessageID) bool,
) (candidates []block.Message, directed map[block.MessageID]bool) {
	for element := p.order.Front(); element != nil; element = element.Next() {
		entry := element.Value.(*Entry)
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

// Each visits entries in the order of arrival until visit returns false.
func (p *Mempool) Each(visit func(*Entry) bool) {
	for element := p.order.Front(); element != nil; element = element.Next() {
		if !visit(element.Value.(*Entry)) {
			return
		}
	}
}

// Certified removes what a certified block settles: all its messages, or with All only if the block
// is an own one.
func (p *Mempool) Certified(ids []block.MessageID, own bool) {
	if p.include == All && !own {
		return
	}
	p.counts.Included += p.settle(ids)
}

// Return takes back the messages of an own block whose group was closed. They do not expire any
// more, and the bounds do not keep them out: there is one such block a group.
func (p *Mempool) Return(messages []block.Message, now int64) {
	for _, m := range messages {
		element, ok := p.entries[m.ID()]
		if !ok {
			p.done.remove(m.ID())
			element = p.insert(m, now)
			p.counts.Returned++
		}
		entry := element.Value.(*Entry)
		entry.Local, entry.kept = true, true
	}
}

// Drop removes messages and does not take them again for a while.
func (p *Mempool) Drop(ids []block.MessageID) { p.counts.Dropped += p.settle(ids) }

// settle removes messages, remembers all that are named, and returns how many there were.
func (p *Mempool) settle(ids []block.MessageID) (removed uint64) {
	for _, id := range ids {
		if element, ok := p.entries[id]; ok {
			p.remove(element)
			removed++
		}
		p.done.add(id)
	}
	return removed
}

// Expire removes messages whose own time is older than the TTL, and returns when the next one will
// be: 0 for never.
func (p *Mempool) Expire(now int64) (removed int, next int64) {
	for element := p.order.Front(); element != nil; {
		following := element.Next()
		entry := element.Value.(*Entry)
		switch expiry := p.Expiry(entry.Message); {
		case entry.kept:
		case expiry <= now:
			p.remove(element)
			removed++
			p.counts.TimedOut++
		case next == 0 || expiry < next:
			next = expiry
		}
		element = following
	}
	return removed, next
}

func (p *Mempool) remove(element *list.Element) {
	m := element.Value.(*Entry).Message
	p.order.Remove(element)
	p.changes++
	delete(p.entries, m.ID())
	p.bytes -= m.Size()
	p.full = false
	left := p.bySender[m.Sender()]
	if left.count--; left.count == 0 {
		delete(p.bySender, m.Sender())
		return
	}
	left.bytes -= m.Size()
	left.full = false
	p.bySender[m.Sender()] = left
}
