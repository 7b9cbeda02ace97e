package simulation

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// oldCerts sends certificates of blocks that everybody has, as fast as it can, and each with all
// choices of signers. A naive node verifies all signatures again, and answers each with a frontier.
type oldCerts struct {
	honest
	seen []wire.Certificate
	sent int
}

// oldCertsKept bounds the certificates that it keeps.
const oldCertsKept = 4096

func (a *oldCerts) receive(p *byzantine, _ int, frame wire.Frame) bool {
	f, ok := frame.(wire.Certificate)
	if !ok || len(a.seen) >= oldCertsKept {
		return true
	}
	a.seen = append(a.seen, f)
	g := p.group(f.Slot.Group)
	for i := range g.N() {
		if without, ok := p.without(f.Certificate, i); ok {
			a.seen = append(a.seen, wire.Certificate{Certificate: without})
		}
	}
	return true
}

// without adds an echo of this member to a certificate and removes that of the i-th one.
func (p *byzantine) without(c certificate.Certificate, i int) (certificate.Certificate, bool) {
	g := p.group(c.Slot.Group)
	echoes, next := map[int]keys.Signature{}, 0
	for j := range g.N() {
		if c.Signed(j) {
			echoes[j] = c.Signatures[next]
			next++
		}
	}
	if self, ok := g.Index(p.key.Public()); ok {
		echoes[self] = p.node.echo(c.Slot, c.Block).Signature
	}
	delete(echoes, i)
	return certificate.New(g, c.Slot, c.Block, echoes), len(echoes) >= g.Q()
}

func (a *oldCerts) tick(p *byzantine) {
	if len(a.seen) == 0 {
		return
	}
	p.flood(func(*membership.Group, int) wire.Frame {
		a.sent++
		f := a.seen[a.sent%len(a.seen)]
		f.Signers, f.Signatures = slices.Clone(f.Signers), slices.Clone(f.Signatures)
		return f
	})
}
