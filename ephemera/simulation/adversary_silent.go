package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// silent says nothing at all from some moment on and lets everybody wait; what it receives then
// makes no difference to anybody. A naive node that counts on everybody's answer, or asks one
// member only, waits for ever.
type silent struct {
	honest
	since int64 // microseconds
}

func (a *silent) send(p *byzantine, to int, frame wire.Frame) {
	if a.since == 0 {
		a.since = 1 + int64(p.rng.below(3000))*1000
	}
	if p.w.now < a.since {
		p.forward(to, frame)
	}
}

// receive leaves the engine inside alone once nobody hears of it any more.
func (a *silent) receive(p *byzantine, _ int, _ wire.Frame) bool { return !a.suppressesBlocks(p.w.now) }

func (a *silent) suppressesBlocks(now int64) bool { return a.since != 0 && now >= a.since }
