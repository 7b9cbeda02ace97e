package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// withhold proposes blocks whose bodies it gives only to as many correct members as a quorum needs,
// and answers nobody else. A naive node that fetches bodies only from the creator never gets them.
// One that echoes without them helps to make a certificate for a block that nobody can deliver.
type withhold struct{ honest }

func (withhold) send(p *byzantine, to int, frame wire.Frame) {
	switch frame.(type) {
	case wire.Messages, wire.Blocks:
		g := p.targetGroup()
		if g == nil {
			return
		}
		victims := p.victims(g)
		if !contains(victims[:min(len(victims), g.F()+1)], to) {
			return
		}
	}
	p.forward(to, frame)
}
