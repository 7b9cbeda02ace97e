package broadcast

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// A member that restarts muted, or after it closed the group, does not sign its stored block again.
// If that block is certified, the member fetches it with its signature.
func TestBlockIsStoredWithItsSignature(t *testing.T) {
	for name, configure := range map[string]func(*Config){
		"muted":  func(c *Config) { c.Muted = true },
		"closed": func(c *Config) { c.Closed = true },
	} {
		t.Run(name, func(t *testing.T) {
			config := instance(t, 4, Timing{}).Config
			configure(&config)
			key, now := config.Group.Member(config.Self), int64(1_700_000_000_000)
			m, err := block.NewMessage(unsigned{key}, config.Group.Network(), "", nil, now)
			require.NoError(t, err)
			voted := block.New(config.Group, key, 1, block.ID{}, now, []block.Message{m})
			b := New(config, store.State{Chains: []store.Chain{{Creator: key, Votes: []block.Block{voted}}}})
			b.Start(now)
			proof := certificate.New(config.Group, voted.Header.Slot(), voted.ID(), map[int]keys.Signature{1: {}, 2: {}, 3: {}})
			b.Certificate(now, 1, wire.Certificate{Certificate: proof})
			require.Zero(t, b.Heights()[config.Self])
			b.Take()
			b.Tick(b.Deadline())
			require.Contains(t, framesOf(b.Take()), wire.GetBlock{Slot: proof.Slot, Block: proof.Block})
			signed := voted
			signed.Signature = keys.Signature{1}
			b.Blocks(now, 1, wire.Blocks{Blocks: []wire.Held{{Block: signed}}})
			require.Equal(t, uint64(1), b.Heights()[config.Self])
			require.Contains(t, b.Take(), Persist{Write: store.PutCertified{Block: signed, Certificate: proof}})
		})
	}
}

func framesOf(effects []Effect) (frames []wire.Frame) {
	for _, effect := range effects {
		if send, ok := effect.(Send); ok {
			frames = append(frames, send.Frame)
		}
	}
	return frames
}
