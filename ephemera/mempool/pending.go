package mempool

import (
	"container/list"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// question is a pending message: the application was asked about it and has not decided. It is not
// in the mempool, and counts towards the limits as if it were. So what waits for the application is
// bounded, and no sender can keep the messages of others waiting.
type question struct {
	message block.Message
	local   bool
	expiry  int64
	waiting bool // the application said later
	again   bool // its state changed while it was asked
}

// Reserve keeps room for a verified message until the application has decided about it, and reports
// whether to ask: Admit, Refuse or Postpone follow. Otherwise nothing is to be asked. The error
// says why the mempool does not take the message; it is nil if the message was here already and is
// local from now on. Local is as for Add.
func (p *Mempool) Reserve(m block.Message, local bool, at Moment) (ask bool, err error) {
	if entry, ok := p.entries[m.ID()]; ok && local && !entry.Local {
		entry.Local = true
		return false, nil
	}
	err = p.counted(at, func() error { return p.reserve(m, local, at) })
	return err == nil, err
}

func (p *Mempool) reserve(m block.Message, local bool, at Moment) error {
	id := m.ID()
	if element, ok := p.pending[id]; ok {
		q := element.Value.(*question)
		q.local = q.local || local
		return ErrDuplicate
	}
	if _, ok := p.entries[id]; ok || p.refused.has(id) {
		return ErrDuplicate
	}
	if err := p.admissible(m, at); err != nil {
		return err
	}
	p.pending[id] = p.asked.PushBack(&question{message: m, local: local, expiry: p.Expiry(m, at)})
	p.occupy(m)
	p.pendingBytes += m.Size()
	return nil
}

// Admit takes a pending message, because the application accepts it. It returns false if the
// message is not pending any more, has expired, or may have been included and forgotten.
func (p *Mempool) Admit(id block.MessageID, at Moment) bool {
	element, ok := p.pending[id]
	if !ok {
		return false
	}
	q := element.Value.(*question)
	if q.expiry <= at.Now || p.done.forgot(q.message.Time()) {
		p.release(id)
		p.counts.Expired++
		return false
	}
	p.take(element)
	entry := p.push(q.message, at)
	entry.Local, entry.expiry = q.local, q.expiry
	p.counts.Taken++
	return true
}

// Postpone notes that the application said later about a pending message. It reports whether the
// message waits, and whether the application's state changed since it was asked.
func (p *Mempool) Postpone(id block.MessageID) (waits, again bool) {
	element, ok := p.pending[id]
	if !ok {
		return false, false
	}
	q := element.Value.(*question)
	if !q.waiting {
		q.waiting = true
		p.waiting++
	}
	return true, q.again
}

// IsPending reports whether the application has not decided about a message yet.
func (p *Mempool) IsPending(id block.MessageID) bool {
	_, ok := p.pending[id]
	return ok
}

// Waiting returns how many pending messages the application has postponed.
func (p *Mempool) Waiting() int { return p.waiting }

// AskAgain returns the messages that the application has postponed, in the order of arrival. It is
// being asked about them from now on.
func (p *Mempool) AskAgain() (messages []block.Message) {
	for element := p.asked.Front(); element != nil; element = element.Next() {
		if q := element.Value.(*question); q.waiting {
			q.waiting, q.again = false, false
			messages = append(messages, q.message)
		}
	}
	p.waiting = 0
	return messages
}

// Wake says that the application's state changed: an answer that is under way may be obsolete.
func (p *Mempool) Wake() {
	for element := p.asked.Front(); element != nil; element = element.Next() {
		element.Value.(*question).again = true
	}
}

// Pending returns how many messages are pending, and their total size in bytes.
func (p *Mempool) Pending() (messages, bytes int) { return p.asked.Len(), p.pendingBytes }

// Body returns the message with this ID, pending or not.
func (p *Mempool) Body(id block.MessageID) (block.Message, bool) {
	if element, ok := p.pending[id]; ok {
		return element.Value.(*question).message, true
	}
	return p.Get(id)
}

// take removes a message from the pending ones and keeps its room.
func (p *Mempool) take(element *list.Element) {
	q := p.asked.Remove(element).(*question)
	delete(p.pending, q.message.ID())
	p.pendingBytes -= q.message.Size()
	if q.waiting {
		p.waiting--
	}
}

// release removes a message from the pending ones, if it is one of them, and frees its room.
func (p *Mempool) release(id block.MessageID) {
	if element, ok := p.pending[id]; ok {
		p.take(element)
		p.vacate(element.Value.(*question).message)
	}
}

// expirePending removes pending messages that have expired. It returns how many it removed and when
// the next one expires, or 0 if none does.
func (p *Mempool) expirePending(now int64) (removed int, next int64) {
	for element := p.asked.Front(); element != nil; {
		following := element.Next()
		q := element.Value.(*question)
		switch {
		case q.expiry <= now:
			p.release(q.message.ID())
			removed++
		case next == 0 || q.expiry < next:
			next = q.expiry
		}
		element = following
	}
	return removed, next
}
