package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// strangers gossips messages that keys outside the group signed, as fast as it can. The application
// refuses them, as the shipped runner refuses what no member signed. A naive node verifies each
// signature before it looks at the sender.
type strangers struct {
	honest
	made uint64
}

func (a *strangers) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	for _, victim := range p.victims(g) {
		for number := 0; p.idle(victim, number); number++ {
			a.made++
			stranger := p.w.keyring.add(hash(p.w.schedule.Seed, 41, a.made%8))
			payload := []byte{byte(a.made), byte(a.made >> 8), byte(a.made >> 16), byte(a.made >> 24)}
			m := p.w.message(stranger, labelRefused, payload, p.wall())
			p.injectGossip(victim, wire.Messages{Messages: []block.Message{m}})
		}
	}
}
