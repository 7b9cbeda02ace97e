package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// client signs two messages where one is expected, and shows a different one to each half of the
// members. Some messages are hours old. A naive node that keeps one message per sender cannot hold
// the other one that a block names, and never echoes that block. A naive node that expires messages
// by their arrival puts old ones into its blocks.
type client struct{ honest }

func (client) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil || p.rng.permille(600) {
		return
	}
	victims := p.victims(g)
	if p.rng.permille(300) { // older than any mempool keeps messages
		m := p.w.message(p.key, "", []byte{byte(p.rng.next())}, Beginning-3*pool.TTL.Milliseconds())
		p.injectAll(victims, wire.Messages{Messages: []block.Message{m}})
		return
	}
	pair := []block.Message{p.newMessage("", 24), p.newMessage("", 32)}
	for i, victim := range victims {
		p.inject(victim, wire.Messages{Messages: pair[i%2 : i%2+1]})
	}
}
