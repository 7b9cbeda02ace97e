package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// screen is the output of a board. A test can wait for a number of lines.
type screen struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan struct{} // one for each line
}

func newScreen() *screen { return &screen{lines: make(chan struct{}, 100)} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	for range bytes.Count(p, []byte("\n")) {
		s.lines <- struct{}{}
	}
	return len(p), nil
}

func (s *screen) await(t *testing.T, lines int) string {
	t.Helper()
	late := time.After(time.Minute)
	for range lines {
		select {
		case <-s.lines:
		case <-late:
			t.Fatal("too few notices were printed")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Posted notices are printed, also after a restart.
func TestPostedNoticesArePrinted(t *testing.T) {
	dir := t.TempDir()
	for _, notice := range []string{"a cat was found", "the cat was fetched"} {
		ctx, cancel := context.WithCancel(t.Context())
		out, done := newScreen(), make(chan error, 1)
		go func() { done <- run(ctx, dir, strings.NewReader(notice+"\n"), out) }()
		// The last block of the chain may be delivered again.
		for !strings.Contains(out.await(t, 1), "certified by 1: "+notice) {
		}
		cancel()
		require.NoError(t, <-done)
	}
}

// A program that embeds a node is short.
func TestProgramIsShort(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(program), "\n"), 50, "lines")
	require.LessOrEqual(t, strings.Count(string(program), "\t\"github.com/ephemera-go/"), 5, "imports of this repository")
}

// The README of the module shows this program.
func TestReadmeShowsTheProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.True(t, strings.Contains(string(readme), "```go\n"+string(program)+"```\n"), "copy ephemera/examples/noticeboard/main.go into ephemera/README.md")
}
