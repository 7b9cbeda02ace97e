package simulation

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// A size that is measured without encoding is the size of the encoding.
func TestMeasuredSizesAreEncodedSizes(t *testing.T) {
	key := newKeyring(false).add(1)
	rapid.Check(t, func(t *rapid.T) {
		var messages []block.Message
		for range rapid.IntRange(0, 40).Draw(t, "messages") {
			payload := make([]byte, rapid.SampledFrom([]int{0, 20, 200, 300, 3000, 70_000}).Draw(t, "payload"))
			m, err := block.NewMessage(key, network, "label", payload, 1)
			require.NoError(t, err)
			messages = append(messages, m)
		}
		proof := certificate.Certificate{Signers: []byte{7}, Signatures: make([]keys.Signature, 3)}
		held := wire.Held{Block: block.Block{Messages: messages}, Certificate: &proof}
		measured := &meter{} // measures one after the other
		digests := make([]wire.SenderDigest, rapid.SampledFrom([]int{0, 1, 23, 24, 300}).Draw(t, "digests"))
		frontier := wire.Frontier{Certified: []uint64{1, 1000, 1 << 40}, Evidence: []uint32{2}}
		for _, frame := range []wire.Frame{
			wire.Pool{Digests: digests},
			frontier,
			wire.Fresh{Frontier: frontier},
			wire.Echo{},
			wire.Proposal{},
			wire.Pool{},
			wire.Messages{Messages: messages},
			wire.Blocks{Blocks: []wire.Held{held, {Block: held.Block}}},
			wire.Certificate{Certificate: proof},
			wire.Blocks{},
		} {
			require.Equal(t, len(wire.Encode(frame)), measured.encodedSize(frame), "%T", frame)
		}
	})
}
