package attacker

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// signatures sends frames that decode, and whose last signature is wrong: verifying them costs the
// most before they are refused. Half of the messages name honest members as senders.
func signatures(ctx context.Context, m *member) {
	bad := m.badlySigned(forgedMessages)
	m.flood(ctx, func(turn int) []byte { return bad[turn%len(bad)] })
}

// forgedMessages is the number of valid messages in front of a forged one.
const forgedMessages = 512

// badlySigned returns frames with bad signatures. In those with messages, only that of the last one
// after count others is bad.
func (m *member) badlySigned(count int) [][]byte {
	const frames = 16
	var made [][]byte
	for i := range frames {
		bodies := make([]block.Message, 0, count+1)
		for range count {
			bodies = append(bodies, m.message(8))
		}
		forged, err := block.NewMessage(forger{m.group.Member(i % m.group.N())}, m.group.Network(), "forged", random(8), now())
		if err == nil {
			bodies = append(bodies, forged)
		}
		made = append(made, wire.EncodeMessages(bodies))
	}
	id := block.ID(random(32))
	for place := range m.group.N() {
		slot := block.Slot{Group: m.group.ID(), Creator: m.group.Member(place), Height: 1}
		made = append(made, encode(wire.Echo{Echo: certificate.Echo{Slot: slot, Block: id, Signer: m.group.Member(place), Signature: badSignature()}}))
		signed := map[int]keys.Signature{}
		for signer := range m.group.N() {
			signed[signer] = badSignature()
		}
		if own, ok := m.group.Index(m.key.Public()); ok {
			signed[own] = m.key.Sign(certificate.SigningBytes(m.group.Network(), slot, id))
		}
		made = append(made, encode(wire.Certificate{Certificate: certificate.New(m.group, slot, id, signed)}))
	}
	return made
}

func badSignature() keys.Signature { return keys.Signature(random(64)) }

// forger signs in the name of another member, badly.
type forger struct{ name keys.Public }

func (f forger) Public() keys.Public        { return f.name }
func (f forger) Sign([]byte) keys.Signature { return badSignature() }
