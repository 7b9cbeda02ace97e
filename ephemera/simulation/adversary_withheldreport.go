package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// withheldReport gives its message to f+1 members and does not answer other members that ask for
// it. A naive node that relies on gossip never holds the message that others' blocks name.
type withheldReport struct{ honest }

func (withheldReport) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil || p.rng.permille(700) {
		return
	}
	victims := p.victims(g)
	p.injectAll(victims[:min(len(victims), g.F()+1)], wire.Messages{Messages: []block.Message{p.newMessage("", 18)}})
}

func (withheldReport) send(p *byzantine, to int, frame wire.Frame) {
	if _, ok := frame.(wire.Messages); !ok {
		p.forward(to, frame)
	}
}
