package ephemera

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
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

// Members that ask for blocks again and again use a third of a core.
func TestReaderRestsBetweenRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const took, minute = 10 * time.Millisecond, time.Minute
		disk := &slowStore{Store: memory.New(), took: took}
		n := &Node{config: Config{Store: disk, Transport: readers{}}, reads: make(chan read)}
		n.view.Store(&view{})
		ctx, cancel := context.WithTimeout(t.Context(), minute)
		defer cancel()
		done := make(chan error)
		go func() { done <- n.runReader(ctx) }()
		for slot := (block.Slot{Height: 1}); ctx.Err() == nil; {
			select {
			case n.reads <- read{from: &slot}:
			case <-ctx.Done():
			}
		}
		require.NoError(t, <-done)
		require.InDelta(t, int(minute/took/3), disk.reads, 2)
	})
}

// slowStore is a store whose reads take some time.
type slowStore struct {
	store.Store
	took  time.Duration
	reads int
}

func (s *slowStore) CertifiedFrom(context.Context, block.Slot, int, int) ([]store.Certified, error) {
	s.reads++
	time.Sleep(s.took)
	return nil, nil
}

// readers is a transport to members that read everything at once.
type readers struct{ transport.Transport }

func (readers) HasRoom(keys.Public, int) bool { return true }
