package lockfile_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/lockfile"
)

const heldByChild = "LOCKFILE_TEST_HELD"

func TestHoldersAreOtherProcessesWithALock(t *testing.T) {
	if path := os.Getenv(heldByChild); path != "" { // the child: holds the lock until its input ends
		file, err := lockfile.Take(path, os.ErrExist)
		require.NoError(t, err)
		_, _ = os.Stdout.WriteString("held")
		_, _ = io.Copy(io.Discard, os.Stdin)
		require.NoError(t, file.Close())
		return
	}
	if _, err := os.Stat("/proc/locks"); err != nil {
		t.Skip("this system does not tell who holds a lock: ", err)
	}
	path := filepath.Join(t.TempDir(), "lock")
	require.Empty(t, lockfile.Holders(path), "there is no such file")
	child := exec.Command(os.Args[0], "-test.run=^TestHoldersAreOtherProcessesWithALock$")
	child.Env = append(os.Environ(), heldByChild+"="+path)
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	_, err = io.ReadFull(out, make([]byte, len("held")))
	require.NoError(t, err)
	require.Equal(t, []int{child.Process.Pid}, lockfile.Holders(path))
	_, err = lockfile.Take(path, os.ErrExist)
	require.ErrorIs(t, err, os.ErrExist)
	require.ErrorContains(t, err, fmt.Sprint("held by process ", child.Process.Pid))
	require.NoError(t, in.Close())
	require.NoError(t, child.Wait())
	mine, err := lockfile.Take(path, os.ErrExist)
	require.NoError(t, err)
	require.Empty(t, lockfile.Holders(path), "this process holds it")
	require.NoError(t, mine.Close())
}
