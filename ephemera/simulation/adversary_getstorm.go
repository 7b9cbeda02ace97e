package simulation

import (
	"encoding/binary"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// getStorm asks for everything as fast as it can: for messages that do not exist, for the certified
// blocks of all chains from the beginning, and for single blocks. A naive node searches all it has
// for each unknown ID, and reads, encodes and sends the same blocks again and again.
type getStorm struct {
	honest
	asked uint64
}

func (a *getStorm) tick(p *byzantine) {
	p.flood(func(g *membership.Group, number int) wire.Frame {
		a.asked++
		slot := block.Slot{Group: g.ID(), Creator: g.Member(int(a.asked) % g.N()), Height: 1}
		switch number % 4 {
		case 0:
			return wire.GetCertified{From: slot}
		case 1:
			if held, ok := p.disk.certified(slot); ok {
				return wire.GetBlock{Slot: slot, Block: held.Certificate.Block}
			}
		}
		f := wire.GetMessages{}
		for i := range 15 {
			var id block.MessageID
			binary.BigEndian.PutUint64(id[:], hash(a.asked, uint64(i)))
			f.IDs = append(f.IDs, id)
		}
		return f
	})
}
