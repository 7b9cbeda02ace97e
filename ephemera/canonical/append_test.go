package canonical_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
)

func TestAppendFunctionsMatchEncode(t *testing.T) {
	for _, value := range []uint64{0, 23, 24, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxUint64} {
		require.Equal(t, canonical.Encode(value), canonical.AppendUint(nil, value))
	}
	for _, value := range []int64{0, -1, -24, -25, -256, -257, math.MinInt64, math.MaxInt64} {
		require.Equal(t, canonical.Encode(value), canonical.AppendInt(nil, value))
	}
	rapid.Check(t, func(t *rapid.T) {
		n, i := rapid.Uint64().Draw(t, "uint"), rapid.Int64().Draw(t, "int")
		b, s := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes"), rapid.StringN(0, 100, 300).Draw(t, "text")
		require.Equal(t, canonical.Encode(n), canonical.AppendUint(nil, n))
		require.Equal(t, canonical.Encode(i), canonical.AppendInt(nil, i))
		require.Equal(t, canonical.Encode(b), canonical.AppendBytes(nil, b))
		require.Equal(t, canonical.Encode(s), canonical.AppendText(nil, s))
		list := make([]uint64, len(b))
		want := canonical.AppendArray(nil, len(list))
		for range list {
			want = canonical.AppendUint(want, 0)
		}
		require.Equal(t, canonical.Encode(list), want)
	})
}
