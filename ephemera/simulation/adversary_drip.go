package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// drip does everything at the last moment. Each of its links is as slow as the longest wait of R7,
// and it answers with one body at a time. A naive node that asks one member and waits, or whose
// timers restart with each small answer, is as slow as its slowest peer.
type drip struct{ honest }

func (drip) send(p *byzantine, to int, frame wire.Frame) {
	p.slowLink(to, 2000+int64(p.rng.below(2000)))
	if f, ok := frame.(wire.Messages); ok && len(f.Messages) > 1 {
		frame = wire.Messages{Messages: f.Messages[:1]}
	}
	p.forward(to, frame)
}

// slowLink delays everything on the member's link to another for some milliseconds.
func (p *byzantine) slowLink(to int, milliseconds int64) {
	p.w.slowed[[2]int{p.place, to}] = p.w.now + milliseconds*1000
}
