package simulation

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// one gives its certificate to a single correct member, which may crash, and otherwise hides it. A
// naive node that waits for the creator's certificate never delivers what that member delivered:
// totality is lost.
type one struct{ honest }

func (one) send(p *byzantine, to int, frame wire.Frame) {
	switch f := frame.(type) {
	case wire.Certificate:
		if g := p.group(f.Slot.Group); g != nil {
			if victims := p.victims(g); len(victims) > 0 && to != victims[int(f.Slot.Height)%len(victims)] {
				return
			}
		}
	case wire.Blocks:
		return
	case wire.Frontier: // as if none of its own blocks were certified
		f.Certified = append([]uint64(nil), f.Certified...)
		if g := p.group(f.Group); g != nil {
			i, _ := g.Index(p.key.Public())
			f.Certified[i] = 0
		}
		p.inject(to, f)
		return
	}
	p.forward(to, frame)
}
