package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// No bytes make Decode panic, and a frame that it accepts encodes to the same bytes.
func FuzzDecode(f *testing.F) {
	w := newWorld(f)
	for _, frame := range w.frames() {
		f.Add(wire.Encode(frame))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
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
