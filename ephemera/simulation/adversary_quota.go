package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// quota fills its share of each mempool with messages of every size, different ones at each member,
// and continues to send more. A naive member lists them to all others in every
// frontier, and fetches what the others list, for as long as the messages live.
type quota struct{ honest }

func (quota) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	for _, victim := range p.victims(g) {
		for number := 0; number < quotaFrames && p.idle(victim, number); number++ {
			var messages []block.Message
			for range 16 {
				messages = append(messages, p.newMessage("", 8+p.rng.below(maxPayload-8)))
			}
			p.inject(victim, wire.Messages{Messages: messages})
		}
	}
}

// quotaFrames is how many frames it sends to a node at a tick: twenty times its quota a second.
const quotaFrames = 12
