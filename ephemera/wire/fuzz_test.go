package wire_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/canonicaltest"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// No bytes make Decode panic or allocate much, and a frame that it accepts encodes to the same
// bytes.
func FuzzDecode(f *testing.F) {
	w := newWorld(f)
	for _, frame := range w.frames() {
		f.Add(wire.Encode(frame))
	}
	for _, number := range []uint64{1, canonical.MaxNumber, canonical.MaxNumber + 1, math.MaxUint64} {
		for _, frame := range w.numbered(number) {
			f.Add(wire.Encode(frame))
		}
	}
	nulls := append(canonical.AppendArray(nil, 1000), bytes.Repeat([]byte{0xf6}, 1000)...)
	for kind := range byte(24) {
		f.Add(append([]byte{kind, 0x81}, nulls...))
		f.Add(append([]byte{kind, 0x82, 0xf6}, nulls...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		canonicaltest.Allocates(t, data, 16, 16<<10, func(data []byte) error {
			_, err := wire.Decode(w.group, data)
			return err
		})
		decoded, err := wire.Decode(w.group, data)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrInvalid)
			return
		}
		require.Equal(t, data, wire.Encode(decoded.Unverified()))
		opened, err := wire.Open(w.group, data)
		if err != nil {
			require.ErrorIs(t, err, wire.ErrInvalid)
			return
		}
		require.Equal(t, data, wire.Encode(opened.Frame()))
	})
}
