package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// noise sends what no correct member sends, as fast as it can: echoes with invalid signatures, and
// messages of which only the last is forged. A naive node verifies all of it forever.
type noise struct {
	honest
	frames uint64
}

func (a *noise) tick(p *byzantine) {
	p.flood(func(g *membership.Group, number int) wire.Frame {
		a.frames++
		if number%2 == 0 {
			slot := block.Slot{Group: g.ID(), Creator: g.Member(0), Height: a.frames}
			e := p.node.echo(slot, block.ID{byte(a.frames)})
			e.Signature = keys.Signature{1}
			return wire.Echo{Echo: e}
		}
		var messages []block.Message
		for range 31 {
			messages = append(messages, p.newMessage("", 8))
		}
		return wire.Messages{Messages: append(messages, p.w.forgedMessage(p.key.Public()))}
	})
}
