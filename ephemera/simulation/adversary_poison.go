package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// poison spreads messages for which every application rejects the block that holds them, to one
// member or to all. A naive creator puts them into its block again and again and never gets one
// certified.
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
	p.injectAll(victims, wire.Messages{Messages: []block.Message{p.newMessage(LabelPoison, 16), p.newMessage("", 20)}})
}
