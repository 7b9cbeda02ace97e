package ephemera

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
)

// A node whose disk was reverted may hold its own block as it was before it was signed. Members
// that ask for it are better served by others.
func TestBlockWithoutSignatureIsNotServed(t *testing.T) {
	key := keys.FromSeed([32]byte{1})
	group, err := membership.NewGroup("test", 1, []keys.Public{key.Public()}, membership.Limits{})
	require.NoError(t, err)
	m, err := block.NewMessage(key, "test", "", nil, 1)
	require.NoError(t, err)
	b := block.New(group, key.Public(), 1, block.ID{}, 1, []block.Message{m})
	s := memory.New()
	n := &Node{config: Config{Store: s}}
	require.NoError(t, s.Commit(t.Context(), []store.Write{store.PutGroup{Group: group}, store.PutVote{Block: b}}))
	_, err = n.heldBlock(t.Context(), b.ID())
	require.ErrorIs(t, err, store.ErrNotFound)
	b.Signature = key.Sign(b.Header.SigningBytes())
	require.NoError(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: b}}))
	held, err := n.heldBlock(t.Context(), b.ID())
	require.NoError(t, err)
	require.Equal(t, b.Signature, held.Block.Signature)
}
