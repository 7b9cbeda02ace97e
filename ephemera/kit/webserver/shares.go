package webserver

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Shares divides a number of places or bytes among the addresses of callers. One address gets at
// most half. When nothing is left, an address that has less takes from the one that has the most,
// the oldest hold first. Callers from many addresses thus cannot keep another one out. The methods
// are safe for concurrent use.
//
// What is taken from a hold stays in use until that hold is released, and the taker waits for it.
// So all holds together, lost ones included, never have more than the total.
//
// A hold that is older than a given time is taken also by an address that would have up to twice as
// much: callers that are slow give way to those that are about as large.
type Shares struct {
	total, each int64
	old         time.Duration // 0: never

	mu      sync.Mutex
	granted int64               // what holds that are not lost have, or wait for
	pending int64               // what of that they wait for
	lost    int64               // what holds have that are lost and not released
	by      map[string]*account // by address
	claims  *list.List          // of *claim, the oldest first
	next    uint64              // the sequence number of the next hold
}

// account is what an address has.
type account struct {
	address string
	n       int64
	holds   *list.List // of *Hold, the oldest first
}

// Hold is what one request has of Shares. It must be released. Its methods must not be called
// concurrently, but for Lost and Release.
type Hold struct {
	shares *Shares
	since  time.Time
	order  uint64 // of all holds
	cut    func()

	n        int64 // what it has, or waits for
	account  *account
	element  *list.Element // in account.holds; nil once lost or released
	claim    *claim        // nil while it waits for nothing
	kept     bool          // it is not taken
	taken    chan struct{} // closed once lost
	released bool
}

// claim is what a hold waits for.
type claim struct {
	n       int64
	granted chan struct{} // closed once the hold has it
	element *list.Element
}

// NewShares returns shares of a total of at least 1. Old is the age from which a hold gives way to
// one of an address with about as much; 0 means never.
func NewShares(total int64, old time.Duration) *Shares {
	return &Shares{total: total, old: old, each: (total + 1) / 2, by: make(map[string]*account), claims: list.New()}
}

// Take returns a hold of n for an address, or nil if the address has its share, nothing is left, or
// ctx ends before those from whom it takes have released what they had. Cut is called if another
// address takes the hold: it must have the hold released soon, and must not block.
func (s *Shares) Take(ctx context.Context, address string, n int64, cut func()) *Hold {
	s.mu.Lock()
	h := &Hold{shares: s, since: time.Now(), order: s.next, cut: cut}
	s.next++
	s.enter(h, address)
	s.mu.Unlock()
	if !h.Grow(ctx, n) {
		h.Release()
		return nil
	}
	return h
}

// enter adds a hold to those of an address.
func (s *Shares) enter(h *Hold, address string) {
	of := s.by[address]
	if of == nil {
		of = &account{address: address, holds: list.New()}
		s.by[address] = of
	}
	h.account, h.element, h.taken = of, of.holds.PushBack(h), make(chan struct{})
	of.n += h.n
	s.granted += h.n
}

// Grow adds n to the hold and reports whether it could. It waits like Take.
func (h *Hold) Grow(ctx context.Context, n int64) bool {
	s := h.shares
	s.mu.Lock()
	victims, ok := s.grow(h, n)
	mine, taken := &claim{n: n, granted: make(chan struct{})}, h.taken
	if ok {
		s.pending += n
		h.claim, mine.element = mine, s.claims.PushBack(mine)
		s.grant()
	}
	s.mu.Unlock()
	for _, victim := range victims {
		victim.cut()
	}
	if !ok {
		return false
	}
	select {
	case <-mine.granted:
	case <-taken:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.claim = nil
	if h.element == nil {
		return false
	}
	if mine.element != nil { // ctx has ended
		s.withdraw(mine)
		h.add(-n)
		return false
	}
	return true
}

// add changes what a hold has that is not lost.
func (h *Hold) add(n int64) {
	h.n += n
	h.account.n += n
	h.shares.granted += n
}

// grow grants n to a hold, if its address may have it, and takes it from others.
func (s *Shares) grow(h *Hold, n int64) (victims []*Hold, ok bool) {
	if h.element == nil || h.account.n+n > s.each {
		return nil, false
	}
	for s.granted+n > s.total {
		victim := s.victim(h.account, h.account.n+n)
		if victim == nil {
			return victims, false
		}
		s.lose(victim)
		victims = append(victims, victim)
	}
	h.add(n)
	return victims, true
}

// victim returns the oldest hold of the address that has the most, or nil if no address has more
// than the one that would have that much.
func (s *Shares) victim(taker *account, than int64) *Hold {
	var most, slow *Hold
	for _, of := range s.by {
		if of == taker || 2*of.n < than {
			continue
		}
		h := of.oldest()
		switch {
		case h == nil:
		case of.n > than && (most == nil || of.n > most.account.n || of.n == most.account.n && h.order < most.order):
			most = h
		case s.old > 0 && time.Since(h.since) > s.old && (slow == nil || h.order < slow.order):
			slow = h
		}
	}
	if most != nil {
		return most
	}
	return slow
}

// oldest returns the oldest hold that can be taken, or nil.
func (of *account) oldest() *Hold {
	for e := of.holds.Front(); e != nil; e = e.Next() {
		if h := e.Value.(*Hold); h.n > 0 && !h.kept {
			return h
		}
	}
	return nil
}

// lose takes a hold away. What it has stays in use until it is released.
func (s *Shares) lose(h *Hold) {
	s.leave(h)
	if h.claim != nil && h.claim.element != nil {
		s.withdraw(h.claim)
		h.n -= h.claim.n
	}
	s.lost += h.n
	close(h.taken)
}

// leave removes a hold from those of its address.
func (s *Shares) leave(h *Hold) {
	h.account.holds.Remove(h.element)
	h.element = nil
	s.granted -= h.n
	h.account.n -= h.n
	if h.account.holds.Len() == 0 {
		delete(s.by, h.account.address)
	}
}

// withdraw removes a claim that was not granted.
func (s *Shares) withdraw(c *claim) {
	s.claims.Remove(c.element)
	c.element = nil
	s.pending -= c.n
	s.grant()
}

// grant gives what is free to those that wait, the oldest claim first.
func (s *Shares) grant() {
	for s.claims.Len() > 0 {
		next := s.claims.Front().Value.(*claim)
		if s.granted-s.pending+s.lost+next.n > s.total {
			return
		}
		s.claims.Remove(next.element)
		next.element = nil
		s.pending -= next.n
		close(next.granted)
	}
}

// Shrink returns n of what the hold has.
func (h *Hold) Shrink(n int64) {
	h.shares.mu.Lock()
	defer h.shares.mu.Unlock()
	switch {
	case h.element != nil:
		h.add(-n)
	case !h.released:
		h.n -= n
		h.shares.lost -= n
	}
	h.shares.grant()
}

// Keep has other addresses not take the hold from now on, and reports whether none has. It is for
// a short time: an address that keeps its share makes others wait.
func (h *Hold) Keep() bool {
	h.shares.mu.Lock()
	defer h.shares.mu.Unlock()
	h.kept = h.element != nil
	return h.kept
}

// Inherit gives a hold that was lost, and not released, to another address, and reports whether
// that may have it. It takes from others like Take, and does not wait.
func (h *Hold) Inherit(address string) bool {
	s := h.shares
	s.mu.Lock()
	if h.element != nil || h.released {
		s.mu.Unlock()
		return false
	}
	n := h.n
	h.n = 0 // it counts as lost until it is granted again
	s.enter(h, address)
	h.since, h.order = time.Now(), s.next
	s.next++
	victims, ok := s.grow(h, n)
	if ok {
		s.lost -= n
		s.grant()
	} else {
		s.leave(h)
		h.n = n
		close(h.taken)
	}
	s.mu.Unlock()
	for _, victim := range victims {
		victim.cut()
	}
	return ok
}

// Lost reports whether another address has taken the hold, or it was released.
func (h *Hold) Lost() bool {
	h.shares.mu.Lock()
	defer h.shares.mu.Unlock()
	return h.element == nil
}

// Release returns what the hold has. Releasing again does nothing.
func (h *Hold) Release() {
	s := h.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case h.released:
		return
	case h.element != nil:
		s.leave(h)
	default:
		s.lost -= h.n
	}
	h.released = true
	s.grant()
}
