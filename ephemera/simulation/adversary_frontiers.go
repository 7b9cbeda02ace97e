package simulation

import (
	"encoding/binary"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// frontiers sends frontiers and full listings as fast as it can. Each frontier shows nothing
// certified, and each listing names messages of correct members that do not exist. A naive node
// answers each frontier with one of its own and asks for each message.
type frontiers struct {
	honest
	listed uint64
	shown  bool // the last frame was a frontier
}

func (a *frontiers) tick(p *byzantine) {
	p.flood(func(g *membership.Group, _ int) wire.Frame {
		if a.shown = !a.shown; a.shown {
			return wire.Frontier{Group: g.ID(), Certified: make([]uint64, g.N())}
		}
		var f wire.Listing
		for range wire.MaxListings {
			a.listed++
			var id block.MessageID
			binary.BigEndian.PutUint64(id[:], hash(a.listed, uint64(p.place)))
			f.Messages = append(f.Messages, wire.Listed{ID: id, Sender: g.Member(0)})
		}
		return f
	})
}
