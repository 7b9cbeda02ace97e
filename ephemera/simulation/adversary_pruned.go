package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// pruned claims of every certified block that it removed its messages, in its answers and unasked
// to everybody. A naive node that believes a single member stores bare headers, and has lost the
// messages that all others hold.
type pruned struct{ honest }

func (pruned) send(p *byzantine, to int, frame wire.Frame) {
	f, ok := frame.(wire.Blocks)
	if !ok {
		p.forward(to, frame)
		return
	}
	var headers []wire.Held
	for _, held := range f.Blocks {
		if stored, ok := p.disk.certified(held.Block.Header.Slot()); ok && stored.Certificate.Block == held.Block.ID() {
			held.Certificate = &stored.Certificate
			held.Block = block.Block{SignedHeader: stored.Block.SignedHeader}
		}
		headers = append(headers, held)
	}
	p.inject(to, wire.Blocks{Blocks: headers})
}

func (pruned) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	d := p.disk.find(g.ID())
	if d == nil {
		return
	}
	var headers []wire.Held
	for i := range d.chains {
		if certified := d.chains[i].certified; len(certified) > 0 && len(headers) < wire.MaxBlocks {
			newest := certified[len(certified)-1]
			headers = append(headers, wire.Held{Block: block.Block{SignedHeader: newest.Block.SignedHeader}, Certificate: &newest.Certificate})
		}
	}
	if len(headers) > 0 {
		p.injectAll(p.victims(g), wire.Blocks{Blocks: headers})
	}
}
