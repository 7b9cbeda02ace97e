package remote_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
	"github.com/ephemera-go/nym-rewarding/ephemera/remote"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

const network = "remote-test"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func key(i int) keys.Private { return keys.FromSeed([32]byte{byte(i)}) }

func message(t require.TestingT, payload string) block.Message {
	m, err := block.NewMessage(key(0), network, "label", []byte(payload), 7)
	require.NoError(t, err)
	return m
}

// blockOf returns a signed block of a member.
func groupOf(t require.TestingT) *membership.Group {
	group, err := membership.NewGroup(network, 1, []keys.Public{key(0).Public(), key(1).Public()}, membership.Limits{})
	require.NoError(t, err)
	return group
}

// turn offers messages for the next block.
func turn(t require.TestingT, candidates ...block.Message) ephemera.Turn {
	return ephemera.Turn{Group: groupOf(t), Newest: true, Candidates: candidates}
}

func blockOf(t require.TestingT, creator int, messages ...block.Message) block.Block {
	b := block.New(groupOf(t), key(creator).Public(), 1, block.ID{}, 5, messages)
	b.Signature = key(creator).Sign(b.Header.SigningBytes())
	return b
}

// program is an application whose answers a test sets.
type program struct {
	message func(context.Context, block.Message) error
	block   func(context.Context, block.Block) ephemera.Decision
}

func (p program) CheckMessage(ctx context.Context, m block.Message) error { return p.message(ctx, m) }

func (p program) CheckBlock(ctx context.Context, b block.Block) ephemera.Decision {
	return p.block(ctx, b)
}

// stand is a node's side, and what it needs around it.
type stand struct {
	*remote.Server
	url    string
	wakes  chan struct{}
	token  string
	client *remote.Client
}

func newStand(t *testing.T, config remote.Config) *stand {
	s := &stand{wakes: make(chan struct{}, 100), token: "secret"}
	config.Network, config.Key = network, key(0).Public()
	config.Allow = func(r *http.Request) error {
		if r.Header.Get("Authorization") != "Bearer "+s.token {
			return errors.New("the bearer token is wrong")
		}
		return nil
	}
	s.Server = remote.NewServer(config, policy.Everything{})
	web := httptest.NewServer(s.Server)
	s.url = web.URL
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = s.Run(ctx, func() { s.wakes <- struct{}{} }) })
	t.Cleanup(func() {
		cancel()
		work.Wait()
		web.Close()
	})
	return s
}

// connect runs a client until the returned function is called.
func (s *stand) connect(t *testing.T, p program) (stop func()) {
	c, err := remote.NewClient(remote.ClientConfig{URL: s.url, Token: s.token, Name: "test", Application: p})
	require.NoError(t, err)
	s.client = c
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	s.awaitWake(t) // a registration wakes the node
	return stop
}

func (s *stand) awaitWake(t *testing.T) {
	t.Helper()
	select {
	case <-s.wakes:
	case <-time.After(time.Minute):
		t.Fatal("the node was not woken")
	}
}

func answering(d ephemera.Decision) program {
	return program{
		message: func(context.Context, block.Message) error { return nil },
		block:   func(context.Context, block.Block) ephemera.Decision { return d },
	}
}

func TestProgramJudgesMessagesAndBlocks(t *testing.T) {
	s := newStand(t, remote.Config{Within: 20 * time.Second})
	m, b := message(t, "hello"), blockOf(t, 1, message(t, "hello"), message(t, ""))
	own := blockOf(t, 0, m)
	s.connect(t, program{
		message: func(_ context.Context, got block.Message) error {
			if !bytes.Equal(got.Encode(), m.Encode()) {
				return errors.New("not that one")
			}
			return nil
		},
		block: func(_ context.Context, got block.Block) ephemera.Decision {
			switch {
			case bytes.Equal(got.Encode(), b.Encode()):
				return ephemera.Accept()
			case got.ID() == own.ID():
				return ephemera.Reject("stale").Dropping(m.ID())
			}
			return ephemera.Later("not yet")
		},
	})
	require.NoError(t, s.CheckMessage(t.Context(), m))
	require.ErrorContains(t, s.CheckMessage(t.Context(), message(t, "other")), "not that one")
	require.True(t, s.CheckBlock(t.Context(), b).IsAccept())
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 1)).IsLater())
	require.Equal(t, ephemera.Reject("stale").Dropping(m.ID()), s.CheckBlock(t.Context(), own))
	require.Equal(t, []block.MessageID{m.ID()}, s.NextBlock(t.Context(), turn(t, m)))
	s.client.Wake()
	s.awaitWake(t)
}

func TestWithoutAProgramNothingIsJudged(t *testing.T) {
	s := newStand(t, remote.Config{})
	m := message(t, "hello")
	require.ErrorIs(t, s.CheckMessage(t.Context(), m), remote.ErrAway)
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 1, m)).IsLater())
	require.Empty(t, s.NextBlock(t.Context(), turn(t, m)))

	stop := s.connect(t, answering(ephemera.Accept()))
	require.NoError(t, s.CheckMessage(t.Context(), m))
	stop()
	require.Eventually(t, func() bool { _, connected := s.Connected(); return !connected }, time.Minute, time.Millisecond)
	require.ErrorIs(t, s.CheckMessage(t.Context(), m), remote.ErrAway)
	s.connect(t, answering(ephemera.Reject("no")))
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 1, m)).IsReject())
}

// A verdict on another's block that takes longer than the node waits is remembered and wakes the
// node.
func TestLateVerdictIsOfUse(t *testing.T) {
	s := newStand(t, remote.Config{Within: time.Minute})
	release, asked := make(chan struct{}), make(chan struct{}, 10)
	s.connect(t, program{block: func(ctx context.Context, _ block.Block) ephemera.Decision {
		asked <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return ephemera.Accept()
	}})
	b := blockOf(t, 1, message(t, "slow"))
	require.True(t, s.CheckBlock(t.Context(), b).IsLater())
	require.True(t, s.CheckBlock(t.Context(), b).IsLater(), "asked again by the node")
	close(release)
	s.awaitWake(t)
	require.True(t, s.CheckBlock(t.Context(), b).IsAccept())
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 0)).IsAccept()) // asked after all that waited
	require.Len(t, asked, 2, "once about each block")
}

// A program that does not answer is cut, and its questions are answered with later.
func TestSilentProgramIsCut(t *testing.T) {
	s := newStand(t, remote.Config{Within: 50 * time.Millisecond, Questions: 4})
	s.connect(t, program{
		message: func(ctx context.Context, _ block.Message) error { <-ctx.Done(); return nil },
		block: func(ctx context.Context, _ block.Block) ephemera.Decision {
			<-ctx.Done()
			return ephemera.Later("stopped")
		},
	})
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 0, message(t, "own"))).IsLater())
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 1)).IsLater())
	require.ErrorIs(t, s.CheckMessage(t.Context(), message(t, "a")), remote.ErrSilent)
	s.awaitWake(t) // it was cut, and has come back
}

// A program that forgot to answer is not asked again and again: its client ends and says so.
func TestZeroDecisionEndsTheClient(t *testing.T) {
	s := newStand(t, remote.Config{Within: time.Minute})
	c, err := remote.NewClient(remote.ClientConfig{URL: s.url, Token: s.token, Application: answering(ephemera.Decision{})})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(t.Context()) }()
	s.awaitWake(t)
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 0)).IsLater())
	err = <-ended
	require.ErrorIs(t, err, verdict.ErrZero)
	require.ErrorContains(t, err, "check_block")
}

func TestQuestionsAreBounded(t *testing.T) {
	s := newStand(t, remote.Config{Within: time.Minute, Questions: 2})
	release := make(chan struct{})
	s.connect(t, program{message: func(ctx context.Context, _ block.Message) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	}})
	var work sync.WaitGroup
	refused := make(chan error, 20)
	for i := range 20 {
		work.Go(func() {
			if err := s.CheckMessage(t.Context(), message(t, string(rune('a'+i)))); err != nil {
				refused <- err
			}
		})
	}
	for range 18 {
		require.ErrorIs(t, <-refused, remote.ErrSilent)
	}
	close(release)
	work.Wait()
	require.Empty(t, refused)
}

func TestOneProgramAtATime(t *testing.T) {
	s := newStand(t, remote.Config{})
	stop := s.connect(t, answering(ephemera.Accept()))
	header := http.Header{"Authorization": {"Bearer secret"}}
	_, response, err := websocket.Dial(t.Context(), s.url, &websocket.DialOptions{HTTPHeader: header})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, response.StatusCode)
	require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	stop()

	s.token = "changed"
	c, err := remote.NewClient(remote.ClientConfig{URL: s.url, Token: "secret", Application: answering(ephemera.Accept())})
	require.NoError(t, err)
	require.ErrorIs(t, c.Run(t.Context()), remote.ErrRefused)
	for _, wrong := range []string{"", "ftp://127.0.0.1", "127.0.0.1:7002"} {
		_, err = remote.NewClient(remote.ClientConfig{URL: wrong, Application: answering(ephemera.Accept())})
		require.ErrorContains(t, err, "admin listener")
	}
}

// A program that does not keep the rules is told why, and the next one is served.
func TestWrongFramesEndTheConnection(t *testing.T) {
	s := newStand(t, remote.Config{})
	register := `{"type":"register","version":1,"name":"raw"}`
	for name, frames := range map[string][]string{
		"no JSON":           {"hello"},
		"no registration":   {`{"type":"wake"}`},
		"another version":   {`{"type":"register","version":2}`},
		"registered twice":  {register, register},
		"no verdict":        {register, `{"type":"verdict","id":1,"verdict":"maybe"}`},
		"a node's question": {register, `{"type":"check_block","id":1}`},
		"too long":          {register, `{"type":"wake","reason":"` + strings.Repeat("x", 2*remote.MaxProgramFrame) + `"}`},
	} {
		connection, _, err := websocket.Dial(t.Context(), s.url, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer secret"}}})
		require.NoError(t, err, name)
		for _, f := range frames {
			_ = connection.Write(t.Context(), websocket.MessageText, []byte(f))
		}
		for err == nil {
			_, _, err = connection.Read(t.Context())
		}
		require.GreaterOrEqual(t, websocket.CloseStatus(err), websocket.StatusPolicyViolation, "%s: %v", name, err)
		require.Eventually(t, func() bool { _, connected := s.Connected(); return !connected }, time.Minute, time.Millisecond)
	}
	for len(s.wakes) > 0 {
		<-s.wakes
	}
	s.connect(t, answering(ephemera.Accept()))
	require.NoError(t, s.CheckMessage(t.Context(), message(t, "hello")))
}
