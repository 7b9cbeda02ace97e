package attacker

import (
	"context"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// stale repeats what it heard: certificates with every set of signers that is a quorum, so that no
// two frames are the same, its own echoes, and the proposals of others.
func stale(ctx context.Context, m *member) {
	m.each(func(v *victim) {
		for turn := 0; ctx.Err() == nil; {
			certificates, proposals := m.heard.lastCertificates(), m.heard.lastProposals()
			if len(certificates) == 0 {
				wait.For(ctx, 10*time.Millisecond)
				continue
			}
			for range 256 {
				c := certificates[turn%len(certificates)]
				for _, frame := range m.variants(c) {
					v.send(ctx, frame)
				}
				if len(proposals) > 0 {
					v.send(ctx, encode(wire.Proposal{Proposal: proposals[turn%len(proposals)]}))
				}
				turn++
			}
		}
	})
}

// variants returns frames that say the same as a certificate.
func (m *member) variants(c certificate.Certificate) [][]byte {
	own, ok := m.group.Index(m.key.Public())
	if !ok {
		return nil
	}
	signature := m.key.Sign(certificate.SigningBytes(m.group.Network(), c.Slot, c.Block))
	signed := map[int]keys.Signature{own: signature}
	next := 0
	for place := range m.group.N() {
		if c.Signed(place) {
			signed[place] = c.Signatures[next]
			next++
		}
	}
	frames := [][]byte{
		encode(wire.Certificate{Certificate: c}), encode(wire.Certificate{Certificate: certificate.New(m.group, c.Slot, c.Block, signed)}),
		encode(wire.Echo{Echo: certificate.Echo{Slot: c.Slot, Block: c.Block, Signer: m.key.Public(), Signature: signature}}),
	}
	for place := range m.group.N() {
		if taken, ok := signed[place]; ok && len(signed) > m.group.Q() {
			delete(signed, place)
			frames = append(frames, encode(wire.Certificate{Certificate: certificate.New(m.group, c.Slot, c.Block, signed)}))
			signed[place] = taken
		}
	}
	return frames
}
