package canonical_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
)

// taken decodes itself.
type taken struct {
	_      struct{} `cbor:",toarray"`
	Number uint64
	Text   string
	Fixed  [2]byte
	List   []uint64
	Bytes  []byte
}

func (p *taken) AppendCanonical(dst []byte) []byte {
	dst = canonical.AppendText(canonical.AppendUint(canonical.AppendArray(dst, 5), p.Number), p.Text)
	dst = canonical.AppendArray(canonical.AppendBytes(dst, p.Fixed[:]), len(p.List))
	for _, n := range p.List {
		dst = canonical.AppendUint(dst, n)
	}
	return canonical.AppendBytes(dst, p.Bytes)
}

func (p *taken) TakeCanonical(from *canonical.Items) {
	from.Array()
	p.Number, p.Text = from.Number(), from.Text()
	from.Fixed(p.Fixed[:])
	p.List = make([]uint64, from.Array())
	for i := range p.List {
		p.List[i] = from.Number()
	}
	p.Bytes = from.Bytes()
	if p.Number == 1 { // it is wrong for this number: nothing is left
		p.Number += from.Number() + uint64(from.Array()+len(from.Bytes()))
		p.Text = from.Text()
	}
}

func TestTypesThatDecodeThemselvesAreCompared(t *testing.T) {
	want := taken{Number: 300, Text: "ä", Fixed: [2]byte{1, 2}, List: []uint64{1, 1000}, Bytes: []byte{3, 4, 5}}
	var have taken
	require.NoError(t, canonical.Decode(canonical.Encode(&want), 100, &have))
	require.Equal(t, want, have)

	want.Number = 1
	require.ErrorIs(t, canonical.Decode(canonical.Encode(&want), 100, &have), canonical.ErrNotCanonical)
	encoded := canonical.Encode(&want)
	for i := range encoded { // the structure is checked first
		require.ErrorIs(t, canonical.Decode(encoded[:i], 100, &have), canonical.ErrShape)
	}
}
