package leaves

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Decoding and encoding give back the same bytes; a truncated input is an error.
func FuzzLeaves(f *testing.F) {
	f.Add(Encode([]Leaf{{ID: block.MessageID{1}, Sender: keys.Public{2}, Time: 3}, {Time: -1}}))
	f.Add([]byte{})
	f.Add(make([]byte, Bytes-1))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := Decode(data)
		require.Equal(t, len(data)%Bytes == 0, err == nil)
		if err == nil {
			require.Len(t, all, len(data)/Bytes)
			require.Equal(t, string(data), string(Encode(all)))
		}
	})
}
