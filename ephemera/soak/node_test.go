package soak_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
)

// homeVariable makes this test binary a daemon: it names the folder of its node.
const homeVariable = "EPHEMERA_SOAK_HOME"

func TestMain(m *testing.M) {
	if dir := os.Getenv(homeVariable); dir != "" {
		os.Exit(runNode(dir))
	}
	os.Exit(m.Run())
}

// runNode is the process of one node. It ends with the test, whose end closes its standard input,
// if nobody kills it before.
func runNode(dir string) int {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	folder := daemon.Folder{Dir: dir}
	s, _, err := settings.Load(settings.Sources{File: folder.Config()})
	if err == nil {
		logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
		err = daemon.Run(ctx, daemon.Config{Folder: folder, Settings: s, Version: "soak", Logger: logger})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "level=ERROR", err)
		return 1
	}
	return 0
}

// member is one node: its folder, and the process that runs there now.
type member struct {
	testnet.Node
	t      *testing.T
	folder daemon.Folder
	client *client.Client
	admin  *http.Client
	log    *journal

	alive atomic.Bool // ready, and nobody has killed it since
	since atomic.Int64
	stop  func(kill bool)
}

// wait bounds what the test waits for, on any machine.
const wait = 90 * time.Second

// start runs the node's process and waits until a quorum is connected.
func (m *member) start() {
	m.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), homeVariable+"="+m.folder.Dir)
	input, err := cmd.StdinPipe()
	require.NoError(m.t, err)
	errors, err := cmd.StderrPipe()
	require.NoError(m.t, err)
	require.NoError(m.t, cmd.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		m.log.read(errors)
	}()
	var once sync.Once
	m.stop = func(kill bool) {
		once.Do(func() {
			m.alive.Store(false)
			if kill {
				_ = cmd.Process.Kill()
			}
			_ = input.Close()
			<-read
			_ = cmd.Wait()
		})
	}
	require.Eventually(m.t, m.ready, wait, 50*time.Millisecond, "%s is not ready; it says: %s", m.Name, m.log)
	m.since.Store(time.Now().UnixMilli())
	m.alive.Store(true)
}

func (m *member) ready() bool {
	ctx, cancel := context.WithTimeout(m.t.Context(), wait)
	defer cancel()
	health, err := m.client.Health(ctx)
	return err == nil && health.Ready
}

// usage is what a process holds when it has collected its garbage.
type usage struct {
	heap       int64 // bytes in use
	goroutines int64
}

// usage asks the operator's API.
func (m *member) usage() usage {
	m.t.Helper()
	return usage{
		heap:       m.profile("/debug/pprof/heap?debug=1&gc=1", "# HeapInuse = "),
		goroutines: m.profile("/debug/pprof/goroutine?debug=1", "goroutine profile: total "),
	}
}

// profile returns the number that follows a text at the beginning of a line.
func (m *member) profile(path, prefix string) int64 {
	m.t.Helper()
	answer, err := m.admin.Get("http://" + m.Admin + path)
	require.NoError(m.t, err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	found := int64(-1)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			found, err = strconv.ParseInt(text, 10, 64)
			require.NoError(m.t, err)
		}
	}
	require.NoError(m.t, lines.Err())
	require.GreaterOrEqual(m.t, found, int64(0), "no %q in %s", prefix, path)
	return found
}

// journal is what a node's processes wrote to standard error: the last of it, and what nobody may
// ever write.
type journal struct {
	mu   sync.Mutex
	last []string
	bad  []string
}

// alarming are signs of an error, of a panic, of a data race.
var alarming = []string{"level=ERROR", "panic:", "fatal error:", "DATA RACE"}

// journalLines bounds what is kept.
const journalLines = 40

func (j *journal) read(from io.Reader) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		j.mu.Lock()
		if j.last = append(j.last, lines.Text()); len(j.last) > journalLines {
			j.last = j.last[1:]
		}
		for _, sign := range alarming {
			if strings.Contains(lines.Text(), sign) && len(j.bad) < journalLines {
				j.bad = append(j.bad, lines.Text())
			}
		}
		j.mu.Unlock()
	}
}

// alarms returns what nobody may ever write.
func (j *journal) alarms() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.bad...)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.last, "\n")
}
