package wire_test

import (
	"testing"

	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

func BenchmarkDecode(b *testing.B) {
	w := newWorld(b)
	groups := wire.NewGroups(w.group)
	for _, frame := range w.frames() {
		encoded := wire.Encode(frame)
		b.Run(wire.KindOf(frame).String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := groups.Decode(encoded); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
