package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Nym-API whose contract does not answer says so at once, and one signal ends it with status 0.
// A signal ends a contract that waits for its members, too.
func TestOneSignalEndsAProgramThatIsStillStarting(t *testing.T) {
	p := buildPrograms(t)
	absent := "http://" + freePort(t)
	for _, start := range []struct {
		name, program string
		args          []string
		says          string
	}{
		{"nymapi", p.nymapi, []string{"run", "--contract", absent, "--home", t.TempDir(), "--token", "secret"}, "contract"},
		{"nymapi alone", p.nymapi, []string{"run", "--mode", "single", "--contract", absent, "--home", t.TempDir(), "--token", "secret"}, "contract"},
		{"contract", p.contract, []string{"serve", "--expect", "2", "--listen", "127.0.0.1:0", "--home", t.TempDir(), "--token", "secret"}, "127.0.0.1:"},
	} {
		process := launch(t, make(chan *process, 1), start.name, start.program, start.args...)
		t.Cleanup(process.discard)
		require.Eventually(t, func() bool {
			text, _ := process.log.from(0)
			return bytes.Contains(text, []byte(start.says))
		}, 5*time.Second, 10*time.Millisecond, start.name)
		process.stop(t)
		t.Logf("%s: %s", start.name, process.log.tail(5))
	}
}

// signalled is a command that a signal ends while it works.
type signalled struct {
	program string
	args    []string
	// ready waits until the command works, so that a signal finds it at that.
	ready  func(*testing.T, *process)
	status int
}

// One SIGINT or SIGTERM ends every long command with its documented status, and nothing of it
// remains: no lock, no partial file.
func testSignals(t *testing.T, p programs, nodes string) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	status, output := ended(t, nodes, "init", "--home", at("node"))
	require.Zero(t, status, output)
	status, output = ended(t, nodes, "testnet", "--nodes", "2", "--dir", at("net"))
	require.Zero(t, status, output)
	silent := listenSilently(t)
	// The first contract creates the database that others show.
	contract := []string{"serve", "--expect", "2", "--listen", "127.0.0.1:0", "--home", at("contract"), "--token", "secret"}
	for _, end := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		results := at("results " + end.String())
		for name, c := range map[string]signalled{
			"testnet":          {nodes, []string{"testnet", "--dir", at("net"), "--run"}, says("ready\n"), 0},
			"follow":           {nodes, []string{"blocks", "follow", "--url", silent.url}, silent.called, 0},
			"follow one block": {nodes, []string{"blocks", "follow", "--count", "1", "--url", silent.url}, silent.called, 130},
			"status":           {nodes, []string{"status", "--url", silent.url}, silent.called, 130},
			"wait for a block": {nodes, []string{"submit", "--url", silent.url, "--label", "x", "--wait", "1h", "text"}, silent.called, 130},
			"read a message":   {nodes, []string{"submit", "--url", silent.url, "--label", "x", "--file", "-"}, reads, 130},
			"import":           {nodes, []string{"import", "-", "--home", at("node")}, opens(at("node/data/ephemera.sqlite")), 130},
			"make a testnet":   {nodes, []string{"testnet", "--nodes", "100", "--dir", at("unfinished")}, exists(at("unfinished/node-1/data/key")), 130},
			"enrol":            {p.nymapi, []string{"enrol", "--contract", silent.url, "--key-file", at("node/data/key")}, silent.called, 130},
			"compare":          {p.nymapi, []string{"compare", "--epochs", "100", "--out", results}, exists(filepath.Join(results, "run.log")), 130},
			"experiment":       {p.nymapi, []string{"experiment", "--section", "base", "--out", at("experiment " + end.String())}, computes, 130},
			"simulate":         {p.nymapi, []string{"simulate", "--nodes", "40", "--epochs", "1000"}, computes, 130},
			"find":             {p.nymapi, []string{"simulate", "--find", "1h"}, computes, 130},
			"contract":         {p.contract, contract, says("contract listens"), 0},
			"health":           {p.contract, []string{"health", "--url", silent.url}, silent.called, 130},
		} {
			t.Run(end.String()+" "+name, func(t *testing.T) { c.end(t, name, end) })
		}
		t.Run(end.String()+" inspect", func(t *testing.T) {
			signalled{p.contract, []string{"inspect", "--watch", "--db", at("contract/contract.db")}, says("group not closed"), 0}.end(t, "inspect", end)
		})
		require.FileExists(t, filepath.Join(results, "summary.json"), "what was finished is written")
		unfinished, err := os.ReadDir(at("unfinished"))
		require.NoError(t, err)
		require.Empty(t, unfinished, "half of a network cannot be continued")
	}
	for _, lock := range []string{"node/data", "net/node-1/data"} { // no process holds a folder
		status, output = ended(t, nodes, "export", at(strings.ReplaceAll(lock, "/", "-")), "--home", filepath.Dir(at(lock)))
		require.Zero(t, status, output)
	}
}

// A program whose log nobody reads any more works on, and ends in order.
func testClosedLogs(t *testing.T, p programs, nodes string) {
	home := t.TempDir()
	status, output := ended(t, nodes, "init", "--home", filepath.Join(home, "node"), "--p2p.listen", "/ip4/127.0.0.1/tcp/0",
		"--http.listen", "127.0.0.1:0", "--admin.listen", "127.0.0.1:0")
	require.Zero(t, status, output)
	silent := listenSilently(t)
	for name, args := range map[string][]string{
		"ephemera": {nodes, "run", "--home", filepath.Join(home, "node"), "--log.level", "debug"},
		"testnet":  {nodes, "testnet", "--nodes", "1", "--dir", filepath.Join(home, "net"), "--run", "--log.level", "debug"},
		"contract": {p.contract, "serve", "--expect", "1", "--listen", "127.0.0.1:0", "--home", filepath.Join(home, "contract"), "--log-level", "debug"},
		"nymapi":   {p.nymapi, "run", "--contract", "http://127.0.0.1:1", "--home", filepath.Join(home, "nymapi"), "--ephemera", silent.url, "--log-level", "debug"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(args[0], args[1:]...)
			log, err := cmd.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			t.Cleanup(func() { _ = cmd.Process.Kill() }) // it may have ended already
			_, err = log.Read(make([]byte, 1))
			require.NoError(t, err)
			require.NoError(t, log.Close())
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM)) // it logs that it stops
			require.NoError(t, cmd.Wait())
		})
	}
}

// end starts the command, sends the signal once it works, and checks how it ends.
func (c signalled) end(t *testing.T, name string, end syscall.Signal) {
	cmd := exec.Command(c.program, c.args...)
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	p := &process{name: name, log: newJournal(), cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	require.NoError(t, cmd.Start())
	go func() {
		_ = cmd.Wait() // ProcessState has the result
		close(p.ended)
	}()
	t.Cleanup(p.discard)
	t.Cleanup(func() { _ = input.Close() })
	p.input = input
	c.ready(t, p)
	require.NoError(t, cmd.Process.Signal(end))
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		require.Fail(t, name+" does not stop", "%s", p.log.tail(20))
	}
	require.Equal(t, c.status, cmd.ProcessState.ExitCode(), "%s: %s\n%s", name, cmd.ProcessState, p.log.tail(20))
	if c.status == 130 {
		require.Contains(t, string(p.log.tail(20)), "interrupted")
	}
}

func says(text string) func(*testing.T, *process) {
	return func(t *testing.T, p *process) {
		p.eventually(t, func() bool {
			log, _ := p.log.from(0)
			return bytes.Contains(log, []byte(text))
		})
	}
}

func exists(path string) func(*testing.T, *process) {
	return func(t *testing.T, p *process) {
		p.eventually(t, func() bool { info, err := os.Stat(path); return err == nil && info.Size() > 0 })
	}
}

// reads writes more than a pipe holds, so the command must have begun to read.
func reads(t *testing.T, p *process) {
	_, err := io.WriteString(p.input, strings.Repeat("x", 128<<10))
	require.NoError(t, err)
}

// opens waits until the command has opened a file.
func opens(path string) func(*testing.T, *process) {
	return func(t *testing.T, p *process) {
		p.eventually(t, func() bool {
			opened, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.cmd.Process.Pid))
			require.NoError(t, err)
			return slices.ContainsFunc(opened, func(fd string) bool { target, err := os.Readlink(fd); return err == nil && target == path })
		})
	}
}

// computes waits until the command has used more processor time than a start takes.
func computes(t *testing.T, p *process) {
	const ticks = 100 // of a second, on every Linux
	p.eventually(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err != nil {
			return false
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(after)
		used, err := strconv.Atoi(fields[11])
		return err == nil && used > ticks
	})
}

func (p *process) eventually(t *testing.T, f func() bool) {
	t.Helper()
	require.Eventually(t, f, time.Minute, 10*time.Millisecond, "%s: %s", p.name, p.log.tail(20))
}

// silence accepts connections and answers nothing.
type silence struct {
	url   string
	calls chan struct{}
}

func listenSilently(t *testing.T) silence {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := silence{"http://" + listener.Addr().String(), make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			select {
			case s.calls <- struct{}{}:
			case <-t.Context().Done():
			}
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-done
	})
	return s
}

// called waits until the command has connected.
func (s silence) called(t *testing.T, p *process) {
	select {
	case <-s.calls:
	case <-time.After(time.Minute):
		require.Fail(t, p.name+" does not connect", "%s", p.log.tail(20))
	}
}
