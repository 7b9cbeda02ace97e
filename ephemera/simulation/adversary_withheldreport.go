package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// withheldReport gives its message to f+1 members and answers nobody else who asks for it. A naive
// node that counts on gossip never holds the message that others' blocks name.
type withheldReport struct{ honest }

func (withheldReport) tick(p *puppet) {
	g := p.current()
	if g == nil || p.luck.permille(700) {
		return
	}
	victims := p.victims(g)
	p.injectAll(victims[:min(len(victims), g.F()+1)], wire.Messages{Messages: []block.Message{p.note("", 18)}})
}

func (withheldReport) send(p *puppet, to int, frame wire.Frame) {
	if _, ok := frame.(wire.Messages); !ok {
		p.pass(to, frame)
	}
}
