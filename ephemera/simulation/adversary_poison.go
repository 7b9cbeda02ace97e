package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// poison sends messages that make every application reject the block that holds them, to one member
// or to all. A naive creator puts them into its block over and over and never gets one certified.
type poison struct{ honest }

func (poison) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil || p.rng.permille(700) {
		return
	}
	victims := p.victims(g)
	if p.rng.permille(500) {
		victims = victims[p.rng.below(len(victims)):][:1]
	}
	p.injectAll(victims, wire.Messages{Messages: []block.Message{p.newMessage(labelPoison, 16), p.newMessage("", 20)}})
}
