package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// lateReport shows its message to a single member just before that member proposes, and then is
// silent for a while. In a naive group, where everybody waits for the bodies of every block or for
// the sender's answer, all wait with that member.
type lateReport struct {
	honest
	until int64 // silent until then, in microseconds
}

func (a *lateReport) receive(p *byzantine, from int, frame wire.Frame) bool {
	// A member that gossips is about to propose.
	if _, ok := frame.(wire.Messages); ok && p.w.now >= a.until && p.w.nodes[from].byzantine == nil {
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
