package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Batches are signed, so they must not outlive the settlement: the rules keep no names.
func TestBatchesEndWithTheirEpochAndStayCounted(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "c.db")
	s := begin(t, path, 1, 2)
	for _, body := range []string{"first", "second one"} {
		require.NoError(t, s.PutBatch(ctx, 1, []byte(body)))
	}
	require.NoError(t, s.PutBatch(ctx, 2, []byte("other")))
	require.NoError(t, s.Close())

	s = open(t, path)
	bodies, err := s.Batches(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte("first"), []byte("second one")}, bodies)
	settled(t, s, 1, 1)
	bodies, err = s.Batches(ctx, 1)
	require.NoError(t, err)
	require.Empty(t, bodies)
	bodies, err = s.Batches(ctx, 2)
	require.NoError(t, err)
	require.Len(t, bodies, 1)
	detail, err := s.Epoch(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, []any{2, int64(15)}, []any{detail.Batches, detail.BatchBytes})
}
