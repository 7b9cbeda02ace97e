package simulation

import (
	"encoding/binary"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// frontiers sends full frontiers as fast as it can. Each shows nothing certified, lists messages of
// correct members that do not exist, and is different from all others. A naive node answers each
// with a frontier of its own and asks for each message.
type frontiers struct {
	honest
	listed uint64
}

func (a *frontiers) tick(p *byzantine) {
	p.flood(func(g *membership.Group, _ int) wire.Frame {
		f := wire.Frontier{Group: g.ID(), Certified: make([]uint64, g.N())}
		for range wire.MaxListings {
			a.listed++
			var id block.MessageID
			binary.BigEndian.PutUint64(id[:], hash(a.listed, uint64(p.place)))
			f.Mempool = append(f.Mempool, wire.Listing{ID: id, Sender: g.Member(0)})
		}
		return f
	})
}
