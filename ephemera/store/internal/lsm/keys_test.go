package lsm

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// Whatever decodes as a body encodes to the same bytes, even from a corrupt file.
func FuzzBody(f *testing.F) {
	two := []leaves.Leaf{{ID: block.MessageID{1}, Sender: keys.Public{2}, Time: 3}, {ID: block.MessageID{4}, Time: 5}}
	f.Add(body{whole: true, bytes: 7, leaves: two, numbers: []uint64{8, 9}}.encode())
	f.Add(body{bytes: 7, leaves: two}.encode())
	f.Add(body{}.encode())
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := decodeBody(data)
		if err != nil {
			return
		}
		require.Equal(t, data, b.encode())
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add(encodeIdentity(store.Identity{Network: "n", Key: keys.Public{1}, Starts: 2, MutedThrough: 3}))
	f.Add([]byte{0x84})
	f.Fuzz(func(t *testing.T, data []byte) {
		if identity, err := decodeIdentity(data); err == nil {
			require.Equal(t, data, encodeIdentity(identity))
		}
	})
}

func TestPrefixEndIsTheLeastKeyAboveAllWithThePrefix(t *testing.T) {
	for _, test := range []struct{ prefix, want []byte }{
		{[]byte("a"), []byte("b")},
		{[]byte{'a', 0xff}, []byte("b")},
		{[]byte{'a', 0xff, 1}, []byte{'a', 0xff, 2}},
	} {
		end := prefixEnd(test.prefix)
		require.Equal(t, test.want, end)
		require.Negative(t, bytes.Compare(append(bytes.Clone(test.prefix), 0xff, 0xff, 0xff), end))
	}
}
