package simulation

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
)

// For everything that engines see, the disk of a simulation is a store.Store: random writes leave
// it in the same state as store/memory.
func TestDiskBehavesLikeAStore(t *testing.T) {
	keyring := newKeyring(false)
	signers := []signer{keyring.add(1), keyring.add(2)}
	group, err := membership.NewGroup(network, 1, []keys.Public{signers[0].key, signers[1].key}, limits)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		d, twin := newDisk(), memory.New()
		both := func(w store.Write) {
			ours, theirs := d.commit(w), twin.Commit(ctx, []store.Write{w})
			d.sync()
			for _, sentinel := range []error{store.ErrVoted, store.ErrConflict, store.ErrGroup, store.ErrNotFound} {
				require.Equal(t, errors.Is(theirs, sentinel), errors.Is(ours, sentinel), "%T: %v, %v", w, ours, theirs)
			}
		}
		both(store.PutGroup{Group: group})
		tips := make([]block.ID, 2)
		heights := make([]uint64, 2)
		for i := range rapid.IntRange(0, 40).Draw(t, "writes") {
			c := rapid.IntRange(0, 1).Draw(t, "creator")
			m, err := block.NewMessage(signers[c], network, "", fmt.Appendf(nil, "%d", rapid.IntRange(0, 1).Draw(t, "body")), Beginning)
			require.NoError(t, err)
			b := block.New(group, signers[c].key, heights[c]+1, tips[c], Beginning, []block.Message{m})
			b.Signature = signers[c].Sign(b.Header.SigningBytes())
			slot := b.Header.Slot()
			switch rapid.IntRange(0, 5).Draw(t, "write") {
			case 0, 1:
				both(store.PutVote{Block: b})
			case 2:
				proof := certificate.New(group, slot, b.ID(), map[int]keys.Signature{0: {byte(i)}})
				both(store.PutCertified{Block: b, Certificate: proof})
				tips[c], heights[c] = b.ID(), heights[c]+1
			case 3:
				slot.Height = min(heights[c], uint64(rapid.IntRange(0, 5).Draw(t, "delivered")))
				if slot.Height > 0 {
					both(store.PutDelivered{Slot: slot})
				}
			case 5:
				w := store.PutRepaired{Block: b, Certificate: certificate.New(group, slot, b.ID(), map[int]keys.Signature{1: {byte(i)}})}
				if held, ok := d.certified(block.Slot{Group: slot.Group, Creator: slot.Creator, Height: heights[c]}); ok {
					w.Block = held.Block
					w.Certificate = certificate.New(group, held.Block.Header.Slot(), held.Block.ID(), map[int]keys.Signature{1: {byte(i)}})
				}
				both(w)
			case 4:
				other := b
				other.Header.Time++
				other.Signature = signers[c].Sign(other.Header.SigningBytes())
				both(store.PutEvidence{Evidence: store.Evidence{A: b.SignedHeader, B: other.SignedHeader}})
			}
		}
		want, err := twin.Load(ctx, group.ID())
		require.NoError(t, err)
		require.ElementsMatch(t, want.Evidence, d.groups[0].load().Evidence)
		require.Equal(t, want.Chains, d.groups[0].load().Chains)
		appendBounded := uint64(rapid.IntRange(1, 4).Draw(t, "keep"))
		d.prune(appendBounded, func(block.Slot) {})
		_, err = twin.Prune(ctx, store.Retention{Keep: appendBounded})
		require.NoError(t, err)
		for c, height := range heights {
			for h := range height {
				slot := block.Slot{Group: group.ID(), Creator: signers[c].key, Height: h + 1}
				theirs, err := twin.Certified(ctx, slot)
				require.NoError(t, err)
				ours, ok := d.certified(slot)
				require.True(t, ok)
				require.Equal(t, theirs.Block.Pruned(), ours.Block.Pruned(), "height %d of %d, %d kept", h+1, height, appendBounded)
			}
		}
		copied := d.snapshot()
		require.Equal(t, d.groups[0].load(), copied.groups[0].load())
	})
}
