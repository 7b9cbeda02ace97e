package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// poison spreads messages for which every application rejects the block that holds them, to one
// member or to all. A naive creator puts them into its block again and again and never gets one
// certified.
type poison struct{ honest }

func (poison) tick(p *puppet) {
	g := p.current()
	if g == nil || p.luck.permille(700) {
		return
	}
	victims := p.victims(g)
	if p.luck.permille(500) {
		victims = victims[p.luck.below(len(victims)):][:1]
	}
	p.injectAll(victims, wire.Messages{Messages: []block.Message{p.note(LabelPoison, 16), p.note("", 20)}})
}
