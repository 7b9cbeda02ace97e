package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// setLimit sets the limit on descriptors of a running process, and returns the one that it had.
func setLimit(t *testing.T, pid int, limit uint64) (before uint64) {
	var old syscall.Rlimit
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_NOFILE, 0, uintptr(unsafe.Pointer(&old)), 0, 0)
	require.Zero(t, errno)
	set := syscall.Rlimit{Cur: limit, Max: old.Max}
	_, _, errno = syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&set)), 0, 0, 0)
	require.Zero(t, errno)
	return old.Cur
}

// worked returns how long a process has used a core.
func worked(t *testing.T, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] { // user and system
		n, err := strconv.Atoi(field)
		require.NoError(t, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// A node that has no descriptor left neither ends nor loops: it says what is wrong from time to
// time, and takes part again once there are some.
func TestANodeWithoutDescriptorsHealsByItself(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	members := group(t, "sqlite", 1024)
	short, other := members[3], members[2]
	pid := short.command.Process.Pid
	before := setLimit(t, pid, 3) // less than it has open: everything that opens one fails
	other.stop(t)
	other.start(t) // its connection with the node cannot be made again
	other.untilReady(t)
	submit := func(m *member, wait string) error {
		out, err := exec.CommandContext(t.Context(), "ephemera", "submit", "--home", m.home, "--label", "none", "--wait", wait, "text "+wait).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", m.Name, err, out)
		}
		return nil
	}
	begin, used := time.Now(), worked(t, pid)
	for range 5 {
		require.NoError(t, submit(other, "30s"), "three are a quorum")
	}
	require.Error(t, submit(short, "1s"), "it cannot accept a connection")
	require.Eventually(t, func() bool { return strings.Contains(short.log.String(), "too many open files") }, patience, 10*time.Millisecond)
	require.Less(t, worked(t, pid)-used, time.Since(begin)/2+time.Second)
	require.Less(t, strings.Count(short.log.String(), "too many open files"), 10, "%s", short.log)
	setLimit(t, pid, before)
	require.Eventually(t, func() bool { return submit(short, "20s") == nil }, patience, 100*time.Millisecond)
	for _, m := range members {
		m.stop(t)
	}
}
