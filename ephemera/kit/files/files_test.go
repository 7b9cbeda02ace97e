package files_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

func TestReplaceLeavesTheContentAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, content := range []string{"old", "new"} {
		require.NoError(t, files.Replace(path, 0o640, []byte(content)))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(data))
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o640), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestNothingButARegularFileIsReplaced(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	require.NoError(t, os.WriteFile(real, []byte("old"), 0o600))
	for name, make := range map[string]func(string) error{
		"pipe":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder":        func(path string) error { return os.Mkdir(path, 0o700) },
		"link":          func(path string) error { return os.Symlink(real, path) },
		"dangling link": func(path string) error { return os.Symlink("nowhere", path) },
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, make(path))
		before, err := os.Lstat(path)
		require.NoError(t, err)
		require.ErrorIs(t, files.CheckReplaceable(path), files.ErrNotRegular, name)
		require.ErrorIs(t, files.Replace(path, 0o600, []byte("new")), files.ErrNotRegular, name)
		require.ErrorIs(t, files.Rename(real, path), files.ErrNotRegular, name)
		after, err := os.Lstat(path)
		require.NoError(t, err)
		require.True(t, os.SameFile(before, after), name)
	}
	data, err := os.ReadFile(real)
	require.NoError(t, err)
	require.Equal(t, "old", string(data))
}

func TestOnlyRegularFilesUpToABoundAreRead(t *testing.T) {
	dir := t.TempDir()
	path, link, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	require.NoError(t, os.WriteFile(path, []byte("four"), 0o600))
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, name := range []string{path, link} {
		data, err := files.Read(name, 4)
		require.NoError(t, err)
		require.Equal(t, "four", string(data))
	}
	_, err := files.Read(path, 3)
	require.ErrorContains(t, err, "more than 3 bytes")
	for _, name := range []string{dir, pipe, os.DevNull} {
		_, err := files.Read(name, 4)
		require.ErrorIs(t, err, files.ErrNotRegular, name)
	}
	_, err = files.Read(filepath.Join(dir, "missing"), 4)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
