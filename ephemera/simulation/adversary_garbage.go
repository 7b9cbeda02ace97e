package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// garbage sends bytes that are not frames, frames with flipped bits, blocks beyond every limit,
// headers with wrong counts, roots that match nothing, and certificates with too few signatures or
// one signature many times. A naive node panics or accepts one of them: it counts a certificate's
// signatures instead of its signers, or trusts the header of a fetched block.
type garbage struct {
	honest
	seen []wire.Frame
}

const garbageKept = 32

func (a *garbage) receive(_ *byzantine, _ int, frame wire.Frame) bool {
	if len(a.seen) < garbageKept {
		a.seen = append(a.seen, frame)
	} else {
		a.seen[int(wire.KindOf(frame))%garbageKept] = frame
	}
	return true
}

func (a *garbage) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil || len(a.seen) == 0 {
		return
	}
	victims := p.victims(g)
	victim := victims[p.rng.below(len(victims))]
	frame := a.seen[p.rng.below(len(a.seen))]
	switch p.rng.below(6) {
	case 0:
		data := wire.Encode(frame)
		data[p.rng.below(len(data))] ^= 1 << p.rng.below(8)
		p.injectBytes(victim, data[:1+p.rng.below(len(data))])
	case 1:
		data := make([]byte, p.rng.below(100))
		for i := range data {
			data[i] = byte(p.rng.next())
		}
		p.injectBytes(victim, append([]byte{byte(p.rng.below(16))}, data...))
	case 2: // more than a block may hold
		height, parent := p.chainHead(g)
		var messages []block.Message
		for range 10 {
			messages = append(messages, p.newMessage("", maxPayload-p.rng.below(9)))
		}
		b := p.forgeBlock(g, height, parent, messages...)
		p.inject(victim, wire.Messages{Messages: messages})
		p.inject(victim, wire.Proposal{Proposal: b.Proposal()})
	default:
		p.tamper(victims, frame)
	}
}

// tamper changes one thing in a valid frame.
func (p *byzantine) tamper(victims []int, frame wire.Frame) {
	send := func(f wire.Frame) { p.injectAll(victims, f) }
	switch f := frame.(type) {
	case wire.Proposal:
		f.Header.Root[0] ^= 1
		f.SignedHeader = p.sign(f.Header)
		send(f)
	case wire.Echo:
		f.Block[0] ^= 1
		send(f)
	case wire.Certificate:
		p.forgeCertificates(victims, f)
	case wire.Messages:
		for _, victim := range victims { // a body that its sender never signed
			m := p.w.forgedMessage(f.Messages[0].Sender())
			p.inject(victim, wire.Messages{Messages: []block.Message{m}})
		}
	case wire.Blocks:
		p.swapBodies(victims, f)
	}
}

// forgeCertificates turns a certificate of q echoes into certificates of one Byzantine echo, in the
// forms that a careless counter accepts.
func (p *byzantine) forgeCertificates(victims []int, f wire.Certificate) {
	g := p.group(f.Slot.Group)
	if g == nil || !g.Contains(p.key.Public()) {
		return
	}
	height, parent := p.chainHead(g)
	b := p.forgeBlock(g, height, parent, p.newMessage(labelPoison, 12))
	e := p.node.echo(b.Header.Slot(), b.ID())
	i, _ := g.Index(p.key.Public())
	proof := f.Certificate
	proof.Slot, proof.Block = e.Slot, e.Block
	many := make([]keys.Signature, g.Q())
	for j := range many {
		many[j] = e.Signature
	}
	alone := make([]byte, len(proof.Signers))
	alone[i/8] |= 1 << (i % 8)
	everybody := make([]byte, len(proof.Signers))
	for j := range g.Q() {
		everybody[j/8] |= 1 << (j % 8)
	}
	for _, signers := range [][]byte{alone, everybody} {
		for _, signatures := range [][]keys.Signature{many, many[:1]} {
			forged := proof
			forged.Signers, forged.Signatures = signers, signatures
			p.injectAll(victims, wire.Certificate{Certificate: forged})
			p.injectAll(victims, wire.Blocks{Blocks: []wire.Held{{Block: b, Certificate: &forged}}})
		}
	}
}

// swapBodies sends a block's header with other messages.
func (p *byzantine) swapBodies(victims []int, f wire.Blocks) {
	blocks := append([]wire.Held(nil), f.Blocks...)
	messages := append([]block.Message(nil), blocks[0].Block.Messages...)
	if len(messages) == 0 {
		return
	}
	messages[0] = p.newMessage("", 10)
	blocks[0].Block.Messages = messages
	for _, victim := range victims {
		p.inject(victim, wire.Blocks{Blocks: blocks[:1]})
	}
}
