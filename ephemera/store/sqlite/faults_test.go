package sqlite

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// faults are ways in which a disk or its system fails. Each returns the error of the store.
var faults = map[string]struct {
	class  diskfault.Class
	mounts bool // needs to mount a file system
	run    func(t *testing.T, dir string) error
}{
	"the file is not a database": {diskfault.Damaged, false, func(t *testing.T, dir string) error {
		path := filepath.Join(dir, "store.sqlite")
		require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("text", 5000)), 0o600))
		_, err := Open(path, nil)
		return err
	}},
	"pages are overwritten": {diskfault.Damaged, false, func(t *testing.T, dir string) error {
		path := filepath.Join(dir, "store.sqlite")
		s := open(t, path)
		require.NoError(t, s.Close())
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		info, err := file.Stat()
		require.NoError(t, err)
		_, err = file.WriteAt([]byte(strings.Repeat("x", int(info.Size())-4096)), 4096)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		_, err = Open(path, nil)
		return err
	}},
	"the folder is missing": {diskfault.NotOpened, false, func(t *testing.T, dir string) error {
		s := open(t, filepath.Join(dir, "store.sqlite"))
		require.NoError(t, s.Close())
		return s.connect(filepath.Join(dir, "missing", "store.sqlite"))
	}},
	"the file may not grow": {diskfault.TooLarge, false, func(t *testing.T, dir string) error {
		s := open(t, filepath.Join(dir, "store.sqlite"))
		signal.Ignore(syscall.SIGXFSZ)
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 400_000, Max: 400_000}))
		return s.Commit(t.Context(), []store.Write{store.PutVote{Block: testBlock(t, 500_000)}})
	}},
	"no descriptor is left": {diskfault.Descriptors, false, func(t *testing.T, dir string) error {
		s := open(t, filepath.Join(dir, "store.sqlite"))
		require.NoError(t, s.Close())
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1, Max: 1}))
		return s.connect(filepath.Join(dir, "store.sqlite"))
	}},
	"the file system is read-only": {diskfault.ReadOnly, true, func(t *testing.T, dir string) error {
		require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, ""))
		s := open(t, filepath.Join(dir, "store.sqlite"))
		require.NoError(t, s.Close())
		require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
		_, err := Open(filepath.Join(dir, "store.sqlite"), nil)
		return err
	}},
	"the disk is full": {diskfault.Full, true, func(t *testing.T, dir string) error {
		require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
		s := open(t, filepath.Join(dir, "store.sqlite"))
		err := s.Commit(t.Context(), []store.Write{store.PutVote{Block: testBlock(t, 2_000_000)}})
		require.ErrorIs(t, err, store.ErrFull)
		require.NoError(t, s.Commit(t.Context(), []store.Write{store.PutVote{Block: testBlock(t, 10)}}))
		return err
	}},
}

const faultOfChild = "SQLITE_TEST_FAULT"

// Each fault has a process of its own, because limits cannot be raised again.
func TestFaultsHaveTheirClassAndAdvice(t *testing.T) {
	if name := os.Getenv(faultOfChild); name != "" {
		err := faults[name].run(t, t.TempDir())
		require.Error(t, err)
		require.Equal(t, faults[name].class, diskfault.Of(err), "%v", err)
		require.NotEmpty(t, diskfault.Advice(err))
		fmt.Println("found:", err)
		os.Exit(0) // the folder cannot be removed under the limits
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			args := []string{os.Args[0], "-test.run=^TestFaultsHaveTheirClassAndAdvice$"}
			if fault.mounts {
				namespace := []string{"unshare", "--map-root-user", "--mount"}
				if out, err := exec.Command(namespace[0], append(namespace[1:], "true")...).CombinedOutput(); err != nil {
					t.Skipf("this system does not let the test mount a file system: %v: %s", err, out)
				}
				args = append(namespace, args...)
			}
			child := exec.CommandContext(t.Context(), args[0], args[1:]...)
			child.Env = append(os.Environ(), faultOfChild+"="+name, "TMPDIR="+t.TempDir())
			out, err := child.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "found:")
			t.Logf("%s", out)
		})
	}
}
