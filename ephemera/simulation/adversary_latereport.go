package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// lateReport shows its message to one member alone, at the moment when that one is about to
// propose, and falls silent for a while. A naive group in which everybody waits for the bodies of
// everybody's block, or for the sender's answer, waits with that member.
type lateReport struct {
	honest
	until int64 // microseconds of silence
}

func (a *lateReport) receive(p *byzantine, from int, frame wire.Frame) bool {
	if _, ok := frame.(wire.Messages); ok && p.w.now >= a.until && p.w.nodes[from].byzantine == nil { // who gossips will propose
		p.inject(from, wire.Messages{Messages: []block.Message{p.newMessage("", 18)}})
		a.until = p.w.now + 700_000
	}
	return true
}

func (a *lateReport) send(p *byzantine, to int, frame wire.Frame) {
	if p.w.now >= a.until {
		p.forward(to, frame)
	}
}
