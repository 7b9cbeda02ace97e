package block_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

func TestHeaderSigningBytesAreCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fill := func(dst []byte, name string) { copy(dst, rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name)) }
		h := block.Header{
			Network: rapid.StringMatching("[a-z]{1,64}").Draw(t, "network"), Height: rapid.Uint64().Draw(t, "height"),
			Time: rapid.Int64().Draw(t, "time"), Count: rapid.Uint32().Draw(t, "count"),
		}
		var group membership.ID
		var creator keys.Public
		fill(group[:], "group")
		fill(creator[:], "creator")
		fill(h.Parent[:], "parent")
		fill(h.Root[:], "root")
		h.Group, h.Creator = group, creator
		require.Equal(t, keys.SigningBytes("ephemera/block/v1", h.Network, canonical.Encode(h)), h.SigningBytes())
	})
}
