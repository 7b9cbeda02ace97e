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

// homeVariable is the environment variable with which this test binary runs as a daemon instead. It
// contains the path of the node's folder.
const homeVariable = "EPHEMERA_SOAK_HOME"

func TestMain(m *testing.M) {
	if dir := os.Getenv(homeVariable); dir != "" {
		os.Exit(runNode(dir))
	}
	os.Exit(m.Run())
}

// runNode runs a node until standard input is closed, which happens at the latest when the test
// process ends, and returns the exit status.
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

// member is one node: its folder and its current process.
type member struct {
	testnet.Node
	t      *testing.T
	folder daemon.Folder
	client *client.Client
	admin  *http.Client
	log    *stderrLog

	alive atomic.Bool  // the node was ready, and was not stopped since
	since atomic.Int64 // when it was last ready, milliseconds since 1970
	stop  func(kill bool)
	// process is the running one.
	process *os.Process
}

// timeout bounds every wait of the test, even on a slow machine.
const timeout = 90 * time.Second

// start runs the node's process and waits until the node is connected with a quorum.
func (m *member) start() {
	m.t.Helper()
	m.launch()
	m.await()
}

// await waits until the node is connected with a quorum.
func (m *member) await() {
	m.t.Helper()
	require.Eventually(m.t, m.ready, timeout, 50*time.Millisecond, "%s is not ready; its log: %s", m.Name, m.log)
	m.since.Store(time.Now().UnixMilli())
	m.alive.Store(true)
}

// launch runs the node's process.
func (m *member) launch() {
	m.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), homeVariable+"="+m.folder.Dir)
	input, err := cmd.StdinPipe()
	require.NoError(m.t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(m.t, err)
	require.NoError(m.t, cmd.Start())
	m.process = cmd.Process
	read := make(chan struct{})
	go func() {
		defer close(read)
		m.log.read(stderr)
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
}

func (m *member) ready() bool {
	ctx, cancel := context.WithTimeout(m.t.Context(), timeout)
	defer cancel()
	health, err := m.client.Health(ctx)
	return err == nil && health.Ready
}

// usage is what a process uses after a garbage collection.
type usage struct {
	heap       int64 // bytes in use
	goroutines int64
}

// usage reads the usage from the operator's API.
func (m *member) usage() usage {
	m.t.Helper()
	return usage{
		heap:       m.profile("/debug/pprof/heap?debug=1&gc=1", "# HeapInuse = "),
		goroutines: m.profile("/debug/pprof/goroutine?debug=1", "goroutine profile: total "),
	}
}

// profile returns the number that follows prefix at the beginning of a line.
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

// stderrLog keeps what a node's processes wrote to standard error: the last lines, and the lines
// that show a failure. It is safe for concurrent use.
type stderrLog struct {
	mu   sync.Mutex
	last []string
	bad  []string
}

// badSigns are the texts of lines that show an error, a panic or a data race.
var badSigns = []string{"level=ERROR", "panic:", "fatal error:", "DATA RACE"}

// maxLines bounds each list of lines that is kept.
const maxLines = 40

func (j *stderrLog) read(from io.Reader) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		j.mu.Lock()
		if j.last = append(j.last, lines.Text()); len(j.last) > maxLines {
			j.last = j.last[1:]
		}
		for _, sign := range badSigns {
			if strings.Contains(lines.Text(), sign) && len(j.bad) < maxLines {
				j.bad = append(j.bad, lines.Text())
			}
		}
		j.mu.Unlock()
	}
}

// badLines returns the lines that show a failure.
func (j *stderrLog) badLines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.bad...)
}

func (j *stderrLog) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.last, "\n")
}
