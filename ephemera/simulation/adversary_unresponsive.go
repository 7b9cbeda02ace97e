package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// unresponsive signs like a correct member and shows in its frontiers that it has everything, but
// answers no request. A naive node that asks it first waits for it before it asks another, for
// every block again.
type unresponsive struct{ honest }

func (unresponsive) send(p *byzantine, to int, frame wire.Frame) {
	switch frame.(type) {
	case wire.Blocks, wire.Messages, wire.Evidence, wire.Description:
		return
	}
	p.forward(to, frame)
}
