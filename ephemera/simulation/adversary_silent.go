package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// silent sends nothing from some moment on; what it receives after that does not matter. A naive
// node that needs everybody's answer, or asks only one member, waits forever.
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

// receive keeps frames from the engine inside once its answers would reach nobody.
func (a *silent) receive(p *byzantine, _ int, _ wire.Frame) bool { return !a.suppressesBlocks(p.w.now) }

func (a *silent) suppressesBlocks(now int64) bool { return a.since != 0 && now >= a.since }
