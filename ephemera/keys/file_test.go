package keys_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

func TestKeyIsCreatedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	created, err := keys.LoadOrCreate(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	again, err := keys.LoadOrCreate(path)
	require.NoError(t, err)
	require.Equal(t, created.Public(), again.Public())
	_, err = keys.Create(path)
	require.ErrorIs(t, err, fs.ErrExist)
	loaded, err := keys.Load(path)
	require.NoError(t, err)
	require.Equal(t, created.Seed(), loaded.Seed())
	other, err := keys.Generate()
	require.NoError(t, err)
	require.NotEqual(t, created.Public(), other.Public())
}

func TestUnusableKeyFilesAreRefusedAndKept(t *testing.T) {
	dir := t.TempDir()
	good := strings.Repeat("ab", 32)
	for name, file := range map[string]struct {
		content string
		mode    fs.FileMode
		want    string
	}{
		"group may read":  {good, 0o640, "chmod 600"},
		"others may read": {good, 0o604, "chmod 600"},
		"empty":           {"", 0o600, "64 hexadecimal digits"},
		"too short":       {good[2:], 0o600, "64 hexadecimal digits"},
		"too long":        {good + "ab", 0o600, "64 hexadecimal digits"},
		"UTF-16":          {"\xff\xfea\x00", 0o600, "save it as UTF-8"},
		"not hexadecimal": {strings.Repeat("xy", 32), 0o600, "64 hexadecimal digits"},
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(file.content), 0o600))
		require.NoError(t, os.Chmod(path, file.mode))
		for _, load := range []func(string) (keys.Private, error){keys.Load, keys.LoadOrCreate} {
			_, err := load(path)
			require.ErrorIs(t, err, keys.ErrKeyFile, name)
			require.ErrorContains(t, err, file.want, name)
			require.ErrorContains(t, err, path, name)
			if file.content != "" {
				require.NotContains(t, err.Error(), file.content, "a secret in an error")
			}
		}
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, file.content, string(kept))
	}
	_, err := keys.Load(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = keys.LoadOrCreate(filepath.Join(dir, "no folder", "key"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// An editor that saved a key file added nothing to the key.
func TestEditedKeyFilesHoldTheSameKey(t *testing.T) {
	path, seed := filepath.Join(t.TempDir(), "key"), strings.Repeat("ab", 32)
	var want keys.Private
	for i, content := range []string{seed, seed + "\n", seed + "\r\n", "\xef\xbb\xbf" + seed + "\r\n\r\n"} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		key, err := keys.Load(path)
		require.NoError(t, err, "%q", content)
		if i == 0 {
			want = key
		}
		require.Equal(t, want.Public(), key.Public())
	}
}

func TestReplaceFileLeavesNoTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "marker")
	for _, content := range []string{"first", "second"} {
		require.NoError(t, keys.ReplaceFile(path, []byte(content)))
		have, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(have))
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.ErrorIs(t, keys.WriteFile(path, nil), fs.ErrExist)
}
