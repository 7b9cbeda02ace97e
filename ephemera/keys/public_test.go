package keys_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// The file of a private key is recognised by its content or by the key that it belongs to, and no
// error shows any of it.
func TestPrivateKeyIsNotTakenForAPublicOne(t *testing.T) {
	refused := 0
	for range 40 {
		path := filepath.Join(t.TempDir(), "contract.key")
		private, err := keys.Create(path)
		require.NoError(t, err)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		taken, err := keys.DecodePublic(data)
		if err != nil {
			refused++
			require.ErrorIs(t, err, keys.ErrPrivateKey)
			require.NotContains(t, err.Error(), string(data[:8]))
			continue
		}
		require.ErrorIs(t, taken.CheckNotSeedOf(private.Public()), keys.ErrPrivateKey)
	}
	require.NotZero(t, refused)

	public := keys.FromSeed([32]byte{7}).Public()
	require.NoError(t, public.CheckNotSeedOf(public))
	for _, text := range []string{hex.EncodeToString(public[:]) + "\n", public.PeerID()} {
		decoded, err := keys.DecodePublic([]byte(text))
		require.NoError(t, err)
		require.Equal(t, public, decoded)
	}
	const secret = "very-secret"
	for _, text := range []string{secret, secret + "\x00", secret + "\n" + secret, "\xff" + secret} {
		_, err := keys.DecodePublic([]byte(text))
		require.ErrorIs(t, err, keys.ErrBadKey)
		require.NotContains(t, err.Error(), secret)
	}
}
