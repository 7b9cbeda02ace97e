package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/process"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
)

// patience bounds every wait for a process. It is much longer than anything here takes.
const patience = time.Minute

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// member is a node of a network in a process of its own, with a limit on its descriptors.
type member struct {
	testnet.Node
	home    string
	limit   int
	log     *output
	command *exec.Cmd
	ended   chan struct{}
}

// limited returns the command with these arguments, run with a limit on its descriptors.
func limited(limit int, args ...string) *exec.Cmd {
	return exec.Command("sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d && exec ephemera "$@"`, limit), "ephemera"}, args...)...)
}

func (m *member) start(t *testing.T) {
	m.command, m.ended = limited(m.limit, "run", "--home", m.home), make(chan struct{})
	m.command.Stderr = m.log
	m.command.SysProcAttr = process.EndWithParent()
	require.NoError(t, m.command.Start())
	go func(command *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		_ = command.Wait()
	}(m.command, m.ended)
	t.Cleanup(func() {
		_ = m.command.Process.Kill()
		<-m.ended
	})
}

// stop stops the process, which must end with status 0.
func (m *member) stop(t *testing.T) {
	require.NoError(t, m.command.Process.Signal(syscall.SIGTERM))
	<-m.ended
	require.Equal(t, 0, m.command.ProcessState.ExitCode(), "%s: %s", m.Name, m.log)
}

// untilReady returns how long it takes until the node is ready.
func (m *member) untilReady(t *testing.T) time.Duration {
	c, err := client.New("http://"+m.HTTP, client.Options{Timeout: time.Second})
	require.NoError(t, err)
	defer c.Close()
	begin := time.Now()
	require.Eventually(t, func() bool {
		select {
		case <-m.ended:
			require.Fail(t, "it ended", "%s", m.log)
		default:
		}
		health, err := c.Health(t.Context())
		return err == nil && health.Ready
	}, patience, 20*time.Millisecond, "%s is not ready", m.Name)
	return time.Since(begin)
}

// open returns how many descriptors the process has open, 0 if the system does not tell.
func (m *member) open() int {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.command.Process.Pid))
	return len(entries)
}

// group creates and starts a group of four.
func group(t *testing.T, kind string, limit int) (members []*member) {
	s := settings.Default()
	s.Storage.Kind, s.Block.Every, s.Block.Messages = kind, 0, 1
	network, err := testnet.Make(t.Context(), testnet.Config{Dir: t.TempDir() + "/net", Nodes: 4, Stores: stores(), Settings: s})
	require.NoError(t, err)
	for _, node := range network.Nodes {
		m := &member{Node: node, home: network.Folder(node).Dir, limit: limit, log: &output{}}
		m.start(t)
		members = append(members, m)
	}
	for _, m := range members {
		m.untilReady(t)
	}
	return members
}

// attack has strangers at each of these addresses hold connections to a port of every member, until
// the test ends, and make a new one for each that is closed. It returns once all have connected.
func attack(t *testing.T, members []*member, each int, port func(member) string, speak stranger.Speech, sources ...string) {
	ctx, cancel := context.WithCancel(t.Context())
	var attacking sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		attacking.Wait()
	})
	var reached atomic.Int64
	counted := func(c net.Conn) {
		reached.Add(1)
		speak(c)
	}
	for _, m := range members {
		for _, source := range sources {
			attacking.Go(func() { stranger.Hold(ctx, source, port(*m), each, counted) })
		}
	}
	require.Eventually(t, func() bool { return reached.Load() >= int64(each*len(sources)*len(members)) }, patience, 10*time.Millisecond)
}

func p2pPort(m member) string {
	parts := strings.Split(m.P2P, "/")
	return net.JoinHostPort(parts[2], parts[4])
}

func httpPort(m member) string { return m.HTTP }

// While strangers open as many connections as they can to every port of nodes that may have few
// descriptors, four members certify on, honest callers are answered, and a restarted member is
// ready soon.
func TestMembersWithFewDescriptorsCertifyOn(t *testing.T) {
	for _, test := range []struct {
		kind  string
		limit int
	}{{"sqlite", 64}, {"pebble", 112}, {"sqlite", 256}} {
		if testing.Short() && test.limit > 64 {
			continue
		}
		t.Run(fmt.Sprintf("%s with %d", test.kind, test.limit), func(t *testing.T) {
			members := group(t, test.kind, test.limit)
			attack(t, members, test.limit/2, p2pPort, stranger.Silent, "127.0.0.2", "127.0.0.3")
			attack(t, members, test.limit/4, httpPort, stranger.Idle("/livez"), "127.0.0.2", "127.0.0.3")
			ctx, cancel := context.WithCancel(t.Context())
			probe, probing := &stranger.Probe{}, sync.WaitGroup{}
			probing.Go(func() {
				probe.Run(ctx, []string{"http://" + members[0].HTTP + "/livez", "http://" + members[1].HTTP + "/ephemera/node/health"})
			})
			most := 0
			certified := func(m *member, text string) {
				out, err := exec.CommandContext(t.Context(), "ephemera", "submit", "--home", m.home, "--label", "few", "--wait", "30s", text).CombinedOutput()
				require.NoError(t, err, "%s: %s\n%s", m.Name, out, m.log)
				for _, m := range members {
					most = max(most, m.open())
				}
			}
			for i := range 12 {
				certified(members[i%len(members)], fmt.Sprint(i))
			}
			cancel()
			probing.Wait()
			members[3].stop(t)
			members[3].start(t)
			ready := members[3].untilReady(t)
			require.Less(t, ready, 10*time.Second)
			certified(members[3], "restarted")
			t.Logf("at most %d of %d open; ready %s after a restart; %s", most, test.limit, ready.Round(time.Millisecond), probe.Answers())
			require.LessOrEqual(t, most, test.limit)
			require.NotZero(t, probe.Answers().Asked)
			// The time is that of `make attack`, which runs alone.
			require.Zero(t, probe.Answers().Failed, "%v", probe.Answers().Why)
			for _, m := range members {
				m.stop(t)
				require.NotContains(t, m.log.String(), "too many open files", m.Name)
			}
		})
	}
}

// A node that cannot work with its limit says so before it opens anything, and names the least one,
// with which it works.
func TestTooFewDescriptorsAreRefusedWithTheLeast(t *testing.T) {
	home := t.TempDir() + "/home"
	var stderr bytes.Buffer
	run := func(limit int, args ...string) int {
		stderr.Reset()
		command := limited(limit, append(args, "--home", home)...)
		command.Stdout, command.Stderr = io.Discard, &stderr
		_ = command.Run()
		return command.ProcessState.ExitCode()
	}
	require.Equal(t, 0, run(1024, "init", "--p2p.listen", "/ip4/127.0.0.1/tcp/0", "--http.listen", "127.0.0.1:0", "--admin.listen", "127.0.0.1:0"), stderr.String())
	require.Equal(t, 1, run(32, "config", "lint"), stderr.String())
	require.Contains(t, stderr.String(), "at least ")
	require.Equal(t, 1, run(32, "run"), stderr.String())
	var least int
	_, after, found := strings.Cut(stderr.String(), "at least ")
	require.True(t, found, stderr.String())
	_, err := fmt.Sscan(after, &least)
	require.NoError(t, err)
	require.Contains(t, stderr.String(), "ulimit -n")
	require.Equal(t, 1, run(least-1, "run"), stderr.String())

	m := &member{home: home, limit: least, log: &output{}}
	m.start(t)
	require.Eventually(t, func() bool { return strings.Contains(m.log.String(), `"started"`) }, patience, 10*time.Millisecond, "%s", m.log)
	require.Contains(t, m.log.String(), "few files and connections", "a low limit is logged")
	m.stop(t)
}
