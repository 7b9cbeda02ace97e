package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// silent says nothing at all from some moment on: it receives, and lets everybody wait. A naive node that counts on everybody's
// answer, or asks one member only, waits for ever.
type silent struct {
	honest
	since int64 // microseconds
}

func (a *silent) send(p *puppet, to int, frame wire.Frame) {
	if a.since == 0 {
		a.since = 1 + int64(p.luck.below(3000))*1000
	}
	if p.w.now < a.since {
		p.pass(to, frame)
	}
}
