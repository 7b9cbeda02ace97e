package main

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A member whose machine was suspended for longer than the others wait for answers takes part again
// at once: its own message is certified within a minute, it has what was certified meanwhile, and
// nobody is cut off or muted.
func TestASuspendedMemberTakesPartAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for timeouts of real processes")
	}
	const suspended = 40 * time.Second // others close its connections after at most 29
	members := group(t, "sqlite", 4096)
	asleep := members[3]
	submit := func(m *member, text string) {
		out, err := exec.CommandContext(t.Context(), "ephemera", "submit", "--home", m.home, "--label", "sleep", "--wait", "60s", text).CombinedOutput()
		require.NoError(t, err, "%s: %s\n%s", m.Name, out, m.log)
	}
	submit(asleep, "before")
	require.NoError(t, asleep.command.Process.Signal(syscall.SIGSTOP))
	end := time.NewTimer(suspended)
	defer end.Stop()
	count := 0
	for waiting := true; waiting; count++ {
		submit(members[count%3], fmt.Sprint("meanwhile ", count))
		select {
		case <-end.C:
			waiting = false
		case <-time.After(time.Second):
		}
	}
	for _, m := range members[:3] {
		require.Contains(t, m.log.String(), "did not answer a ping", "it was suspended for long enough")
	}
	require.NoError(t, asleep.command.Process.Signal(syscall.SIGCONT))
	begin := time.Now()
	var submitting sync.WaitGroup
	submitting.Go(func() { submit(asleep, "after") })
	submitting.Wait()
	took := time.Since(begin)
	require.Less(t, took, time.Minute)
	out, err := exec.CommandContext(t.Context(), "ephemera", "blocks", "follow", "--home", asleep.home, "--from", "beginning", "--count", fmt.Sprint(count+2), "-o", "json").CombinedOutput()
	require.NoError(t, err, "%s", out)
	status, err := exec.CommandContext(t.Context(), "ephemera", "status", "--home", asleep.home).CombinedOutput()
	require.NoError(t, err, "%s", status)
	t.Logf("suspended for %s, %d blocks missed, its message certified %s after waking", suspended, count, took.Round(time.Millisecond))
	for _, m := range members {
		m.stop(t)
		for _, wrong := range []string{"cut off", "mute", "votes were lost"} {
			require.False(t, strings.Contains(m.log.String(), wrong), "%s: %s", m.Name, m.log)
		}
	}
}
