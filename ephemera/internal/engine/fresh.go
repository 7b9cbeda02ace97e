package engine

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// hearing is what a member waits for in a group after its start (R8): frontiers that were made
// after the start, from as many others as complete a quorum with it, and what they claim. Until
// then it makes no new vote there: a store that was reverted together with its marker and counter
// does not know what the member signed, but others may show it.
type hearing struct {
	heard   []bool // by place: who sent such a frontier
	missing int    // how many more are needed
	due     int64  // when the others are asked again
	asked   int    // how often they were

	claims  []uint64             // by creator: the highest certified height in these frontiers
	headers []block.SignedHeader // in them, of slots above the open ones here
	waits   []bool               // by creator: its chain is behind the claim
	heights []uint64             // by creator: certified here when it was looked at last
	since   []int64              // by creator: when that changed
}

func newHearing(p *part) *hearing {
	n := p.group.N()
	return &hearing{
		heard: make([]bool, n), missing: p.group.Q() - 1, claims: make([]uint64, n), waits: slices.Repeat([]bool{true}, n),
		heights: slices.Clone(p.instance.Heights()), since: make([]int64, n),
	}
}

// askFresh asks every member that was not heard yet for its frontier.
func (e *Engine) askFresh(now int64, p *part) {
	h := p.hearing
	if h == nil {
		return
	}
	for i, heard := range h.heard {
		if !heard {
			e.askFreshOf(p, i)
		}
	}
	wait := min(broadcast.ForSize(p.instance.Timing.Retry, p.group.N())<<min(h.asked, 10), p.instance.Timing.Cap)
	jitter := (int64(e.config.Self[1])*7919 + int64(h.asked)*104729) % max(wait/2, 1)
	h.due, h.asked = now+wait*3/4+jitter, h.asked+1
}

func (e *Engine) askFreshOf(p *part, member int) {
	e.send(p.group.Member(member), wire.GetFrontier{Group: p.group.ID(), Nonce: e.nonce})
}

// answerFresh sends a member the frontier as it is now. It also asks that member, which may not
// have known the group, or not have been up, when it was asked first.
func (e *Engine) answerFresh(now int64, p *part, from int, f wire.GetFrontier) {
	if !mayAnswer(now, &p.peers[from], p.instance.Timing.Retry) {
		return
	}
	frontier := e.makeFrontier(now+e.config.Exchange+1, p) // with headers younger than a round
	e.send(p.group.Member(from), wire.Fresh{Nonce: f.Nonce, Frontier: frontier})
	if h := p.hearing; h != nil && h.missing > 0 && !h.heard[from] {
		e.askFreshOf(p, from)
	}
}

// mayAnswer reports whether a member's request for a frontier is answered: one in half the time
// after which it is repeated.
func mayAnswer(now int64, peer *peerExchange, retry int64) bool {
	if peer.answered != 0 && now-peer.answered < retry/2 {
		return false
	}
	peer.answered = now
	return true
}

// takeFresh handles the answer to askFresh. One to an earlier start of this member counts as an
// ordinary frontier.
func (e *Engine) takeFresh(now int64, p *part, from int, f wire.Fresh) {
	e.takeFrontier(now, p, from, f.Frontier)
	h := p.hearing
	if h == nil || h.missing == 0 || h.heard[from] || from == p.self || f.Nonce != e.nonce {
		return
	}
	h.heard[from] = true
	h.missing--
	for creator, height := range f.Frontier.Certified {
		h.claims[creator] = max(h.claims[creator], height)
		h.since[creator] = now
	}
	for _, header := range f.Frontier.Open {
		creator, _ := p.group.Index(header.Header.Creator)
		if height, _ := p.instance.Height(creator); header.Header.Height > height+1 {
			h.headers = append(h.headers, header)
		}
	}
}

// hear lets the member vote on the chains that have reached what was claimed, or have not grown for
// as long as the longest wait between two requests: nobody may have what a liar claims.
func (e *Engine) hear(now int64, p *part) {
	h := p.hearing
	if h == nil || p.instance.Halted() {
		return
	}
	for creator := range h.waits {
		if height, _ := p.instance.Height(creator); height != h.heights[creator] {
			h.heights[creator], h.since[creator] = height, now
			h.showHeaders(now, p, creator)
		}
	}
	if h.missing > 0 || p.instance.Halted() {
		return
	}
	for creator, waits := range h.waits {
		if waits && (h.heights[creator] >= h.claims[creator] || h.givenUp(now, p, creator)) {
			h.waits[creator] = false
			p.instance.Release(now, creator)
			e.changed = true
		}
	}
	if !slices.Contains(h.waits, true) {
		p.hearing = nil
	}
}

func (h *hearing) givenUp(now int64, p *part, creator int) bool {
	return h.since[creator]+p.instance.Timing.Cap <= now
}

// showHeaders lets the instance look at the headers that are of the open slot of a chain by now.
func (h *hearing) showHeaders(now int64, p *part, creator int) {
	for _, header := range h.headers {
		if i, _ := p.group.Index(header.Header.Creator); i == creator && header.Header.Height == h.heights[creator]+1 {
			p.instance.Header(now, header)
		}
	}
}

// deadline returns when hear or askFresh has something to do.
func (h *hearing) deadline(p *part) int64 {
	if h.missing > 0 {
		return h.due
	}
	due := int64(0)
	for creator, waits := range h.waits {
		if at := h.since[creator] + p.instance.Timing.Cap; waits && (due == 0 || at < due) {
			due = at
		}
	}
	return due
}
