package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// programs are the paths of binaries. They are built without the race detector, as in releases.
type programs struct{ dir, nymapi, contract string }

// buildPrograms builds each program in its own module, with the environment's flags.
func buildPrograms(t *testing.T) programs {
	t.Helper()
	p := programs{dir: t.TempDir()}
	p.nymapi, p.contract = p.build(t, "nymapi", "nymapi"), p.build(t, "contract", "contract")
	return p
}

func (p programs) build(t *testing.T, module, name string) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", path, "./cmd/"+name)
	cmd.Dir = filepath.Join("..", "..", "..", module)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "build %s: %s", name, output)
	return path
}

// journal is a process's log. Readers can wait until it grows.
type journal struct {
	mu    sync.Mutex
	text  []byte
	grown chan struct{} // closed and replaced at every write
}

func newJournal() *journal { return &journal{grown: make(chan struct{})} }

func (j *journal) Write(data []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text = append(j.text, data...)
	close(j.grown)
	j.grown = make(chan struct{})
	return len(data), nil
}

// from returns the log after its first mark bytes, and a channel that is closed when the log grows.
func (j *journal) from(mark int) ([]byte, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.text[mark:]), j.grown
}

func (j *journal) size() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.text)
}

// tail returns the last lines.
func (j *journal) tail(lines int) []byte {
	text, _ := j.from(0)
	at := len(text)
	for ; lines >= 0 && at >= 0; lines-- {
		at = bytes.LastIndexByte(text[:at], '\n')
	}
	return text[at+1:]
}

// process is a running program. If it ends before the test stops it, the test fails.
type process struct {
	name  string
	log   *journal
	cmd   *exec.Cmd
	ours  atomic.Bool   // the test ends it
	ended chan struct{} // closed when it has ended
	// expected is the complaint that this process may log, empty for none.
	expected string
	input    io.Writer // its standard input, or nil
}

// launch starts a program. If it ends before the test stops it, it is sent to died.
func launch(t *testing.T, died chan<- *process, name, program string, args ...string) *process {
	t.Helper()
	p := &process{name: name, log: newJournal(), cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // ProcessState has the result
		close(p.ended)
		if !p.ours.Load() {
			died <- p
		}
	}()
	return p
}

// kill sends the process SIGKILL and waits until it has ended.
func (p *process) kill(t *testing.T) {
	t.Helper()
	p.ours.Store(true)
	if err := p.cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
		require.NoError(t, err)
	}
	<-p.ended
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	require.True(t, status.Signaled() && status.Signal() == syscall.SIGKILL, "%s ended by itself: %s\n%s", p.name, p.cmd.ProcessState, p.log.tail(20))
	p.content(t)
}

// complaints are texts that no process may log, whichever process is killed: errors, and a node
// that considers its votes lost.
var complaints = []string{`"level":"error"`, "level=error", "panic: ", "vote store was lost"}

// content fails the test if the process logged one of the complaints.
func (p *process) content(t *testing.T) {
	t.Helper()
	text, _ := p.log.from(0)
	for line := range bytes.Lines(text) {
		for _, complaint := range complaints {
			if complaint == p.expected {
				continue
			}
			require.False(t, bytes.Contains(line, []byte(complaint)), "%s: %s", p.name, line)
		}
	}
}

// stopTimeout is how long a process may take to stop after SIGTERM.
const stopTimeout = 10 * time.Second

// stop sends the process SIGTERM. The process must exit with status 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.ours.Store(true)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		require.Fail(t, p.name+" does not stop", "%s", p.log.tail(20))
	}
	require.Zero(t, p.cmd.ProcessState.ExitCode(), "%s: %s\n%s", p.name, p.cmd.ProcessState, p.log.tail(20))
	p.content(t)
}

// discard kills the process, whatever its state, at the end of a test.
func (p *process) discard() {
	p.ours.Store(true)
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}
