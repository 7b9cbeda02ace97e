package main

import (
	"context"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
)

// While strangers hold more connections to the contract than it may have, Nym-APIs and a contract
// with few descriptors reward an epoch with the reports of all.
func TestEpochsAreRewardedWithFewDescriptors(t *testing.T) {
	limits := map[int]int{theContract: 48}
	for i := range members {
		limits[i+1] = 96
	}
	p := buildPrograms(t)
	requireLeast(t, p)
	n := limitedNetwork(t, p, limits)
	ctx, cancel := context.WithCancel(t.Context())
	var attacking sync.WaitGroup
	for _, source := range []string{"127.0.0.2", "127.0.0.3"} {
		attacking.Go(func() { stranger.Hold(ctx, source, n.address, 24, stranger.Idle("/livez")) })
	}
	for i := range members {
		n.start(i + 1)
	}
	for i := range members {
		n.up(i + 1)
	}
	t.Logf("epoch %d is rewarded with the reports of all", n.reported())
	cancel()
	attacking.Wait()
	for number, process := range n.running {
		process.stop(t)
		text, _ := process.log.from(0)
		require.NotContains(t, string(text), "too many open files", n.name(number))
		require.Contains(t, string(text), "few files and connections", n.name(number))
	}
	clear(n.running)
}

// requireLeast requires that programs that cannot work with their limit say so, and name the least
// one.
func requireLeast(t *testing.T, p programs) {
	for name, args := range map[string][]string{
		p.nymapi:   {"run", "--contract", "http://127.0.0.1:1", "--home", t.TempDir(), "--token", "secret"},
		p.contract: {"serve", "--expect", "2", "--listen", "127.0.0.1:0", "--home", t.TempDir(), "--token", "secret"},
	} {
		out, err := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `ulimit -n 24 && exec "$0" "$@"`, name}, args...)...).CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s", out)
		require.Equal(t, 1, exit.ExitCode(), "%s", out)
		require.Regexp(t, `24, at least \d+ are needed.*ulimit -n`, string(out), name)
	}
}
