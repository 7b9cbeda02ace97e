package webserver

import (
	"context"
	"slices"
	"sync"
	"time"
)

// places bounds how many requests are worked on at a time, and how much they make in a second. One
// address has at most half of the places, and the addresses whose requests wait take turns.
type places struct {
	each     int
	patience time.Duration // how long a request waits

	mu      sync.Mutex
	budget  *budget
	resumes bool // a timer runs that grants places once the budget has refilled
	total   int
	free    int
	used    map[string]int
	waiting map[string][]chan struct{} // closed once the request has its place
	turns   []string                   // the keys of waiting, the next first
}

// newPlaces returns places without a bound per second if budget is nil.
func newPlaces(total int, patience time.Duration, budget *budget) *places {
	return &places{each: (total + 1) / 2, patience: patience, budget: budget, total: total, free: total, used: make(map[string]int), waiting: make(map[string][]chan struct{})}
}

// enter waits for a place and reports whether the request got one before its context or its
// patience ended. A request that got one must leave.
func (p *places) enter(ctx context.Context, address string) bool {
	mine := make(chan struct{})
	p.mu.Lock()
	if len(p.waiting[address]) == 0 {
		p.turns = append(p.turns, address)
	}
	p.waiting[address] = append(p.waiting[address], mine)
	p.grant()
	p.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	select {
	case <-mine:
		return true
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-mine:
		return true
	default:
	}
	p.unqueue(address, slices.Index(p.waiting[address], mine))
	return false
}

// leave returns the place of a request that was answered with a number of bytes.
func (p *places) leave(address string, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget.pay(bytes)
	p.free++
	if p.used[address]--; p.used[address] == 0 {
		delete(p.used, address)
	}
	p.grant()
}

// grant gives the free places to those that wait.
func (p *places) grant() {
	for p.free > 0 && len(p.turns) > 0 {
		if wait := p.budget.wait(p.total - p.free); wait > 0 {
			p.resume(wait)
			return
		}
		next := slices.IndexFunc(p.turns, func(address string) bool { return p.used[address] < p.each })
		if next < 0 {
			return
		}
		address := p.turns[next]
		p.free--
		p.used[address]++
		close(p.waiting[address][0])
		p.unqueue(address, 0)
		if len(p.waiting[address]) > 0 { // to the end of the line
			p.turns = append(slices.Delete(p.turns, next, next+1), address)
		}
	}
}

// resume grants places after a time.
func (p *places) resume(after time.Duration) {
	if p.resumes {
		return
	}
	p.resumes = true
	time.AfterFunc(after, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.resumes = false
		p.grant()
	})
}

// unqueue removes a request from those that wait, and its address if it was the last.
func (p *places) unqueue(address string, i int) {
	p.waiting[address] = slices.Delete(p.waiting[address], i, i+1)
	if len(p.waiting[address]) == 0 {
		delete(p.waiting, address)
		p.turns = slices.DeleteFunc(p.turns, func(other string) bool { return other == address })
	}
}
