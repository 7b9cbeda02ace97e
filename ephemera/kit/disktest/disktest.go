// Package disktest lets tests fill a disk: a small file system that they mount. Only tests use it.
//
// The package is unstable: it is public only because the modules of this repository share it.
package disktest

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// inside is set in the environment of a process that may mount file systems.
const inside = "EPHEMERA_TEST_MOUNTS"

// MayMount reports whether the test may mount file systems. If not, the test has been repeated in a
// process that may, if the system allows, and must return. Otherwise the test is skipped.
func MayMount(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	unshare := func(args ...string) *exec.Cmd {
		return exec.CommandContext(t.Context(), "unshare", append([]string{"--map-root-user", "--mount"}, args...)...)
	}
	if out, err := unshare("mount", "-t", "tmpfs", "tmpfs", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("this system does not let the test mount a small file system: %v: %s", err, out)
	}
	cmd := unshare(os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	return false
}

// Fill appends to a file, which it creates if it does not exist, until the disk has no byte left.
func Fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(t, err)
	for size := 1 << 16; size > 0; {
		if _, err = file.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, file.Close())
}
