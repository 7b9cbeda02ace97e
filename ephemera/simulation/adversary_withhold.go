package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// withhold proposes blocks whose bodies it shows to a bare quorum's worth of correct members and to
// nobody else, and never answers who asks. A naive node that fetches bodies from the creator only
// never gets them; one that echoes without them leaves a certificate that nobody can deliver.
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
