package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// replay uses what was signed for one purpose for another: echoes in other slots and groups,
// headers in another group, a header's signature as an echo, certificates of an old group for a
// block of the new one. A naive node whose signatures do not name group, slot and purpose accepts
// them. A naive node that counts a quorum in the wrong group certifies with the signers of another.
type replay struct {
	honest
	echoes       []wire.Echo
	proposals    []wire.Proposal
	certificates []wire.Certificate
}

const replayKept = 24

func (a *replay) receive(_ *byzantine, _ int, frame wire.Frame) bool {
	switch f := frame.(type) {
	case wire.Echo:
		a.echoes = appendBounded(a.echoes, f)
	case wire.Proposal:
		a.proposals = appendBounded(a.proposals, f)
	case wire.Certificate:
		a.certificates = appendBounded(a.certificates, f)
	}
	return true
}

// appendBounded appends a value and drops the oldest beyond replayKept.
func appendBounded[T any](list []T, value T) []T {
	if len(list) >= replayKept {
		list = list[1:]
	}
	return append(list, value)
}

func (a *replay) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	victims := p.victims(g)
	for range 2 {
		victim := victims[p.rng.below(len(victims))]
		if f, ok := pick(p, a.echoes); ok {
			f.Slot.Group = g.ID()
			p.inject(victim, f)
			f.Slot.Height++
			p.inject(victim, f)
			f.Signer = p.key.Public()
			p.inject(victim, f)
		}
		if f, ok := pick(p, a.proposals); ok {
			echo := p.node.echo(f.Header.Slot(), f.Header.ID())
			// As if the header's signature were an echo.
			echo.Signer, echo.Signature = f.Header.Creator, f.Signature
			p.inject(p.w.places[f.Header.Creator], wire.Echo{Echo: echo})
			f.Header.Group = g.ID()
			p.inject(victim, f)
			f.Header.Network = "other"
			p.inject(victim, f)
			f.Signature = keys.Signature{}
			p.inject(victim, f)
		}
		if f, ok := pick(p, a.certificates); ok {
			p.inject(victim, f)
			f.Slot.Group = g.ID()
			p.inject(victim, f)
			f.Slot.Height++
			p.inject(victim, f)
		}
	}
}

// pick chooses a random element of a list.
func pick[T any](p *byzantine, list []T) (value T, ok bool) {
	if len(list) == 0 {
		return value, false
	}
	return list[p.rng.below(len(list))], true
}
