package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// fork forgets its votes and begins again. It discards its store as if it had never signed, without
// the mute that R8 requires, and continues from height 1 with other blocks. It also proposes blocks
// whose parent is not the certified one. A naive node that does not check parents, or echoes
// heights above one that it did not see certified, accepts two chains of one creator.
type fork struct {
	honest
	rounds int
}

func (a *fork) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	if a.rounds++; a.rounds%10 == 0 && p.halted == "" {
		starts := p.disk.starts
		p.disk = newDisk()
		p.disk.fresh, p.disk.starts = false, starts
		p.w.check.stopped(p.node)
		p.up = false
		p.start()
		return
	}
	height, parent := p.chainHead(g)
	b := p.forgeBlock(g, height, parent, p.newMessage("", 12))
	wrong := b.Header
	wrong.Height = max(2, height)
	wrong.Parent[3] ^= 7
	signed := b
	signed.SignedHeader = p.sign(wrong)
	victims := p.victims(g)
	p.injectAll(victims, wire.Messages{Messages: b.Messages})
	p.injectAll(victims, wire.Proposal{Proposal: signed.Proposal()})
	if a.rounds%3 == 0 {
		p.injectAll(victims, wire.Proposal{Proposal: b.Proposal()})
	}
}
