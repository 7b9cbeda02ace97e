// Package canonicaltest checks decoders of canonical encodings. It checks that they accept only one
// form of a value, and that encodings never change.
package canonicaltest

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Reencode decodes data and encodes the result.
type Reencode func(data []byte) ([]byte, error)

// Strict checks that the decoder accepts encoded, and refuses it truncated, followed by further
// bytes, or with a longer head. It may accept encoded with one byte changed only if the result is
// the canonical encoding of another value.
func Strict(t *testing.T, encoded []byte, again Reencode) {
	t.Helper()
	back, err := again(encoded)
	require.NoError(t, err)
	require.Equal(t, encoded, back)
	for i := range encoded {
		_, err := again(encoded[:i])
		require.Error(t, err, "cut to %d bytes", i)
	}
	_, err = again(append(encoded[:len(encoded):len(encoded)], 0))
	require.Error(t, err, "a trailing byte")
	for i := range encoded {
		for _, flip := range []byte{1, 0x20, 0x80, 0xff} {
			changed := append([]byte(nil), encoded...)
			changed[i] ^= flip
			Same(t, changed, again)
		}
	}
	// The first head with its count in one byte more: [24, n] for n < 24.
	require.Equal(t, byte(0x80), encoded[0]&0xe0, "it begins with an array")
	if count := encoded[0] & 0x1f; count < 24 {
		_, err = again(append([]byte{0x98, count}, encoded[1:]...))
		require.Error(t, err, "head too long")
	}
	_, err = again(append(append([]byte{0x9f}, encoded[1:]...), 0xff))
	require.Error(t, err, "indefinite length")
	_, err = again(append([]byte{0xd9, 0xd9, 0xf7}, encoded...))
	require.Error(t, err, "tagged")
}

// Same checks that data, if it decodes, is the canonical encoding of the decoded value. Fuzz
// targets call it.
func Same(t *testing.T, data []byte, again Reencode) {
	t.Helper()
	if back, err := again(data); err == nil {
		require.Equal(t, data, back)
	}
}

// Golden is one named encoding.
type Golden struct {
	Name string
	Data []byte
}

// RequireGolden compares encodings with testdata/<file>, which has a line of name and hexadecimal
// digits for each. A changed encoding invalidates the signatures and hashes of all running nodes.
// GOLDEN=write rewrites the file.
func RequireGolden(t *testing.T, file string, values ...Golden) {
	t.Helper()
	var lines strings.Builder
	for _, v := range values {
		fmt.Fprintf(&lines, "%s %s\n", v.Name, hex.EncodeToString(v.Data))
	}
	path := filepath.Join("testdata", file)
	if os.Getenv("GOLDEN") == "write" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(lines.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), lines.String())
}
