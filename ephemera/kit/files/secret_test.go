package files_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

func TestSecretThatOthersMayReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "token"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(path, []byte("the-secret\n"), 0o600))
	require.NoError(t, os.Symlink(path, link))
	for mode := range fs.FileMode(0o777 + 1) {
		if mode&0o400 == 0 {
			continue // only root could read it
		}
		require.NoError(t, os.Chmod(path, mode))
		for _, name := range []string{path, link} {
			token, err := files.ReadToken(name)
			if mode&0o077 == 0 {
				require.NoError(t, err, "%04o", mode)
				require.Equal(t, "the-secret", token)
				continue
			}
			require.ErrorIs(t, err, files.ErrExposed, "%04o", mode)
			require.ErrorContains(t, err, "chmod 600 "+name)
			require.NotContains(t, err.Error(), "the-secret")
		}
	}
}

func TestTokenIsTheOnlyLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for text, want := range map[string]string{"a b": "a b", "\ufeffsecret\r\n": "secret", "\n secret \n\n": "secret"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		token, err := files.ReadToken(path)
		require.NoError(t, err)
		require.Equal(t, want, token)
	}
	for text, want := range map[string]string{
		"": "empty", "\ufeff \n": "empty", "a\nb": "more than one line", "a\x00": "more than one line", strings.Repeat("a", 64<<10+1): "more than 65536 bytes",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := files.ReadToken(path)
		require.ErrorContains(t, err, want)
	}
	_, err := files.ReadToken(filepath.Dir(path))
	require.ErrorContains(t, err, "folder")
	_, err = files.ReadToken(path + "-none")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
