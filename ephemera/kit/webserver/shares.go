package webserver

import (
	"container/list"
	"sync"
	"time"
)

// Shares divides a number of places or bytes among the addresses of callers. One address gets at
// most half. When nothing is left, an address that has less takes from the one that has the most,
// the oldest hold first. Callers from many addresses thus cannot keep another one out. The methods
// are safe for concurrent use.
//
// A hold that is older than a given time is taken also by an address that would have up to twice as
// much: callers that are slow give way to those that are about as large.
type Shares struct {
	total, each int64
	old         time.Duration // 0: never

	mu    sync.Mutex
	used  int64
	by    map[string]int64 // address -> what its holds have
	holds *list.List       // of *Hold, the oldest first
}

// Hold is what one request has of Shares. It must be released.
type Hold struct {
	shares  *Shares
	address string
	n       int64
	since   time.Time
	cut     func()
	element *list.Element // nil once lost or released
}

// NewShares returns shares of a total of at least 1. Old is the age from which a hold gives way to
// one of an address with about as much; 0 means never.
func NewShares(total int64, old time.Duration) *Shares {
	return &Shares{total: total, old: old, each: (total + 1) / 2, by: make(map[string]int64), holds: list.New()}
}

// Take returns a hold of n for an address, or nil if the address has its share or nothing is left.
// Cut is called if another address takes the hold: it must end what the hold is for, and must not
// block.
func (s *Shares) Take(address string, n int64, cut func()) *Hold {
	h := &Hold{shares: s, address: address, since: time.Now(), cut: cut}
	s.mu.Lock()
	h.element = s.holds.PushBack(h)
	s.mu.Unlock()
	if !h.Grow(n) {
		h.Release()
		return nil
	}
	return h
}

// Grow adds n to the hold and reports whether it could.
func (h *Hold) Grow(n int64) bool {
	h.shares.mu.Lock()
	victims, ok := h.shares.grow(h, n)
	h.shares.mu.Unlock()
	for _, victim := range victims {
		victim.cut()
	}
	return ok
}

func (s *Shares) grow(h *Hold, n int64) (victims []*Hold, ok bool) {
	if h.element == nil || s.by[h.address]+n > s.each {
		return nil, false
	}
	for s.used+n > s.total {
		victim := s.victim(h, s.by[h.address]+n)
		if victim == nil {
			return victims, false
		}
		s.drop(victim)
		victims = append(victims, victim)
	}
	h.n += n
	s.used += n
	s.by[h.address] += n
	return victims, true
}

// victim returns the oldest hold of the address that has the most, or nil if no address has more
// than the one that would have that much.
func (s *Shares) victim(taker *Hold, than int64) (victim *Hold) {
	for e := s.holds.Front(); e != nil; e = e.Next() {
		h := e.Value.(*Hold)
		has := s.by[h.address]
		slow := 2*has >= than && victim == nil && s.old > 0 && time.Since(h.since) > s.old
		if h.n > 0 && h.address != taker.address && (has > than || slow) {
			victim, than = h, has
		}
	}
	return victim
}

func (s *Shares) drop(h *Hold) {
	if h.element == nil {
		return
	}
	s.holds.Remove(h.element)
	h.element = nil
	s.used -= h.n
	if s.by[h.address] -= h.n; s.by[h.address] == 0 {
		delete(s.by, h.address)
	}
}

// Lost reports whether another address has taken the hold, or it was released.
func (h *Hold) Lost() bool {
	h.shares.mu.Lock()
	defer h.shares.mu.Unlock()
	return h.element == nil
}

// Release returns what the hold has. Releasing again does nothing.
func (h *Hold) Release() {
	h.shares.mu.Lock()
	defer h.shares.mu.Unlock()
	h.shares.drop(h)
}
