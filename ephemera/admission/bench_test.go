package admission_test

import (
	"testing"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// BenchmarkDecide is what admission adds to a frame: the decision and its settlement. A signature
// check takes about 50 µs.
func BenchmarkDecide(b *testing.B) {
	c := newChains(b)
	a := admission.New(c.keys[0], admission.Limits{})
	for creator := 1; creator < 4; creator++ {
		c.certify(a, creator, 1)
	}
	for name, frame := range map[string]wire.Frame{
		"proposal":             wire.Proposal{Proposal: c.blocks[1][1].Proposal()},
		"proposal,certified":   wire.Proposal{Proposal: c.blocks[1][0].Proposal()},
		"certificate":          wire.Certificate{Certificate: c.proof(c.blocks[1][1])},
		"certificate,covered":  wire.Certificate{Certificate: c.proof(c.blocks[1][0])},
		"frontier":             c.frontier(c.blocks[1][1], c.blocks[2][1], c.blocks[3][1]),
		"frontier,3 certified": c.frontier(c.blocks[1][0], c.blocks[2][0], c.blocks[3][0]),
		"messages":             wire.Messages{Messages: c.blocks[1][0].Messages},
	} {
		b.Run(name, func(b *testing.B) {
			in := admission.Arrival{From: c.keys[1], Frame: wire.AssumeDecoded(frame), Bytes: 500}
			b.ReportAllocs()
			for b.Loop() {
				d := a.Decide(0, in)
				a.Settle(0, in, d, admission.Cost{Valid: true})
			}
		})
	}
}
