package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/storetest"
)

// rotting implements storetest.Rotting: the path of the file.
type rotting string

func (r rotting) Open() (store.Store, error) { return Open(string(r), nil) }

func (r rotting) Rot(t *testing.T, old, replacement []byte) {
	data, err := os.ReadFile(string(r))
	require.NoError(t, err)
	data, changed := storetest.Replaced(data, old, replacement)
	require.True(t, changed)
	require.NoError(t, os.WriteFile(string(r), data, 0o600))
}

// IDs and roots cover no signature, so only the checksums find one that rotted. Rows without them,
// of older programs, are read as before.
func TestRottenSignaturesAreFound(t *testing.T) {
	key := keys.FromSeed([32]byte{1})
	group, err := membership.NewGroup("rot", 1, []keys.Public{key.Public()}, membership.Limits{})
	require.NoError(t, err)
	message, err := block.NewMessage(key, "rot", "", []byte("a message"), 1)
	require.NoError(t, err)
	b := block.New(group, key.Public(), 1, block.ID{}, 1, []block.Message{message})
	b.Signature = key.Sign(b.Header.SigningBytes())
	echo := key.Sign(certificate.SigningBytes("rot", b.Header.Slot(), b.ID()))
	put := store.PutCertified{Block: b, Certificate: certificate.New(group, b.Header.Slot(), b.ID(), map[int]keys.Signature{0: echo})}
	for name, signature := range map[string]keys.Signature{"message": message.Signature(), "header": b.Signature, "certificate": echo} {
		for _, older := range []bool{false, true} {
			disk := rotting(filepath.Join(t.TempDir(), "store.sqlite"))
			s := open(t, string(disk))
			require.NoError(t, s.Commit(t.Context(), []store.Write{put}))
			if older {
				_, err := s.writer.Exec("UPDATE messages SET crc = NULL; UPDATE headers SET crc = NULL; UPDATE certificates SET crc = NULL")
				require.NoError(t, err)
			}
			require.NoError(t, s.Close())
			changed := signature
			changed[30] ^= 4
			disk.Rot(t, signature[:], changed[:])
			s = open(t, string(disk))
			_, err := s.CertifiedByID(t.Context(), b.ID())
			if older {
				require.NoError(t, err, name)
				continue
			}
			require.ErrorIs(t, err, store.ErrCorrupt, name)
			require.NoError(t, s.Commit(t.Context(), []store.Write{store.PutRepaired(put)}))
			found, err := s.CertifiedByID(t.Context(), b.ID())
			require.NoError(t, err)
			require.Equal(t, b.Encode(), found.Block.Encode())
			require.Equal(t, put.Certificate.Encode(), found.Certificate.Encode())
		}
	}
}

// Retention does not stop at a body whose message IDs have rotted.
func TestPruneGoesOnPastADamagedBody(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.sqlite"))
	key := keys.FromSeed([32]byte{1})
	group, err := membership.NewGroup("rot", 1, []keys.Public{key.Public()}, membership.Limits{})
	require.NoError(t, err)
	for height := range uint64(3) {
		message, err := block.NewMessage(key, "rot", "", []byte("a message"), int64(height))
		require.NoError(t, err)
		b := block.New(group, key.Public(), height+1, block.ID{}, 1, []block.Message{message})
		proof := certificate.New(group, b.Header.Slot(), b.ID(), map[int]keys.Signature{0: {1}})
		require.NoError(t, s.Commit(t.Context(), []store.Write{
			store.PutCertified{Block: b, Certificate: proof}, store.PutDelivered{Slot: b.Header.Slot()},
		}))
	}
	_, err = s.writer.Exec("UPDATE bodies SET leaves = zeroblob(length(leaves)) WHERE height = 2")
	require.NoError(t, err)
	pruned, err := s.Prune(t.Context(), store.Retention{Age: 1})
	require.NoError(t, err)
	require.Equal(t, 3, pruned.Blocks)
	for height := range uint64(3) {
		entries, err := s.List(t.Context(), height, keys.Public{}, 1, 1)
		require.NoError(t, err)
		require.True(t, entries[0].Block.Pruned())
	}
}

func TestRot(t *testing.T) {
	storetest.RunRot(t, func(t *testing.T) storetest.Rotting { return rotting(filepath.Join(t.TempDir(), "store.sqlite")) })
}
