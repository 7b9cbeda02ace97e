package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// spam fills mempools with valid messages of its own keys, of every size and date, some of which
// the application refuses. It lists messages that do not exist, and asks for everything all the
// time. A naive node without a quota per sender has no room left for reports, or runs out of
// memory.
type spam struct {
	honest
	rounds int
}

// spamRounds is how often it sends messages: they exceed every mempool of a simulation.
const spamRounds = 30

func (a *spam) tick(p *byzantine) {
	g := p.targetGroup()
	if a.rounds++; g == nil || a.rounds > spamRounds {
		return
	}
	victims := p.victims(g)
	for range 4 {
		var messages []block.Message
		for range 8 {
			label := []string{"", "", labelRefused, labelPoison}[p.rng.below(4)]
			messages = append(messages, p.newMessage(label, 8+p.rng.below(500)))
		}
		p.inject(victims[p.rng.below(len(victims))], wire.Messages{Messages: messages})
	}
	var listing wire.Listing
	for i := range 20 {
		listing.Messages = append(listing.Messages, wire.Listed{ID: block.MessageID{byte(i), byte(p.rng.next())}, Sender: p.key.Public()})
	}
	p.inject(victims[p.rng.below(len(victims))], listing)
}
