package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	transport "github.com/ephemera-go/nym-rewarding/ephemera/transport/memory"
)

// screen is where a board prints. It tells when a number of lines is there.
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
			t.Fatal("too few notices came")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// What is posted is printed, also by a member that was started again.
func TestPostedNoticesArePrinted(t *testing.T) {
	dir := t.TempDir()
	for _, notice := range []string{"a cat was found", "the cat was fetched"} {
		ctx, cancel := context.WithCancel(t.Context())
		out, done := newScreen(), make(chan error, 1)
		go func() { done <- run(ctx, dir, strings.NewReader(notice+"\n"), out) }()
		for !strings.Contains(out.await(t, 1), "certified by 1: "+notice) { // the last block of the chain may come again
		}
		cancel()
		require.NoError(t, <-done)
	}
}

// Four members print the same notices, and no board takes what is none.
func TestMembersAgreeOnTheNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var private []keys.Private
		var members []keys.Public
		for i := range 4 {
			private = append(private, keys.FromSeed([32]byte{byte(i)}))
			members = append(members, private[i].Public())
		}
		group, err := membership.NewGroup("noticeboard", 1, members, membership.Limits{})
		require.NoError(t, err)
		link := transport.New(transport.Config{Members: members, Gossip: true})
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		defer work.Wait()
		defer cancel()
		var screens []*screen
		for i, key := range private {
			disk, err := memory.NewDisk().Open()
			require.NoError(t, err)
			screens = append(screens, newScreen())
			node, err := ephemera.New(ephemera.Config{Key: key, Group: group, Store: disk, Transport: link.Transport(members[i])}, board{out: screens[i]})
			require.NoError(t, err)
			work.Go(func() { _ = node.Run(ctx) })
			_, err = node.SubmitPayload(ctx, "notice", []byte("notice "+string(rune('1'+i))))
			require.NoError(t, err)
			_, err = node.SubmitPayload(ctx, "advertisement", []byte("buy"))
			require.True(t, errors.Is(err, ephemera.ErrRefused), err)
		}
		for _, s := range screens {
			text := s.await(t, 4)
			for i := range 4 {
				require.Contains(t, text, "notice "+string(rune('1'+i)))
			}
		}
	})
}

// A block with anything else in it is nobody's.
func TestBlockOfOtherThingsIsRejected(t *testing.T) {
	key := keys.FromSeed([32]byte{1})
	for label, want := range map[string]bool{"notice": true, "other": false} {
		m, err := block.NewMessage(key, "noticeboard", label, []byte("text"), 1)
		require.NoError(t, err)
		require.Equal(t, want, board{}.CheckBlock(t.Context(), block.Block{Messages: []block.Message{m}}).IsAccept())
	}
}

// The README shows this program.
func TestReadmeShowsTheProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	require.True(t, strings.Contains(string(readme), "```go\n"+string(program)+"```\n"), "put ephemera/examples/noticeboard/main.go into the README as it is")
}
