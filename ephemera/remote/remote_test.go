package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// groupOf returns a group of members 0 and 1.
func groupOf(t require.TestingT) *membership.Group {
	group, err := membership.NewGroup(network, 1, []keys.Public{key(0).Public(), key(1).Public()}, membership.Limits{})
	require.NoError(t, err)
	return group
}

// turn returns a turn with candidates for the next block.
func turn(t require.TestingT, candidates ...block.Message) ephemera.Turn {
	return ephemera.Turn{Group: groupOf(t), Newest: true, Candidates: candidates}
}

// blockOf returns a signed block of a member.
func blockOf(t require.TestingT, creator int, messages ...block.Message) block.Block {
	b := block.New(groupOf(t), key(creator).Public(), 1, block.ID{}, 5, messages)
	b.Signature = key(creator).Sign(b.Header.SigningBytes())
	return b
}

// program is an application whose answers a test sets.
type program struct {
	message func(context.Context, block.Message) ephemera.Decision
	block   func(context.Context, block.Block) ephemera.Decision
}

func (p program) CheckMessage(ctx context.Context, m block.Message) ephemera.Decision {
	return p.message(ctx, m)
}

func (p program) CheckBlock(ctx context.Context, b block.Block) ephemera.Decision {
	return p.block(ctx, b)
}

// stand is a node's side and its surroundings.
type stand struct {
	*Server
	url    string
	wakes  chan struct{}
	token  string
	client *Client
}

func newStand(t *testing.T, config Config) *stand {
	s := &stand{wakes: make(chan struct{}, 100), token: "secret"}
	config.Network, config.Key = network, key(0).Public()
	config.Allow = func(r *http.Request) error {
		if r.Header.Get("Authorization") != "Bearer "+s.token {
			return errors.New("the bearer token is wrong")
		}
		return nil
	}
	inner, err := policy.New(policy.Config{})
	require.NoError(t, err)
	s.Server = NewServer(config, inner)
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
	c, err := NewClient(ClientConfig{URL: s.url, Token: s.token, Name: "test", Application: p})
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
		message: func(context.Context, block.Message) ephemera.Decision { return ephemera.Accept() },
		block:   func(context.Context, block.Block) ephemera.Decision { return d },
	}
}

func TestProgramJudgesMessagesAndBlocks(t *testing.T) {
	s := newStand(t, Config{Within: 20 * time.Second})
	m, b := message(t, "hello"), blockOf(t, 1, message(t, "hello"), message(t, ""))
	own := blockOf(t, 0, m)
	s.connect(t, program{
		message: func(_ context.Context, got block.Message) ephemera.Decision {
			switch string(got.Payload()) {
			case "other":
				return ephemera.Reject("not that one")
			case "early":
				return ephemera.Later("not yet")
			}
			require.Equal(t, m.Encode(), got.Encode())
			return ephemera.Accept()
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
	require.Equal(t, ephemera.Accept(), s.CheckMessage(t.Context(), m))
	require.Equal(t, ephemera.Reject("not that one"), s.CheckMessage(t.Context(), message(t, "other")))
	require.Equal(t, ephemera.Later("not yet"), s.CheckMessage(t.Context(), message(t, "early")))
	require.True(t, s.CheckBlock(t.Context(), b).IsAccept())
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 1)).IsLater())
	require.Equal(t, ephemera.Reject("stale").Dropping(m.ID()), s.CheckBlock(t.Context(), own))
	require.Equal(t, []block.MessageID{m.ID()}, s.NextBlock(t.Context(), turn(t, m)))
	s.client.Wake()
	s.awaitWake(t)
}

// Frames keep the meaning that they had before there were three answers about messages.
func TestFramesOfOldProgramsMeanTheSame(t *testing.T) {
	s := newStand(t, Config{Within: time.Minute})
	connection, _, err := websocket.Dial(t.Context(), s.url, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer secret"}}})
	require.NoError(t, err)
	defer connection.CloseNow()
	require.NoError(t, connection.Write(t.Context(), websocket.MessageText, []byte(`{"type":"register","version":1,"name":"old"}`)))
	s.awaitWake(t)
	_, _, err = connection.Read(t.Context()) // registered
	require.NoError(t, err)
	for answer, want := range map[string]ephemera.Decision{
		`"verdict":"accept"`:                 ephemera.Accept(),
		`"verdict":"reject"`:                 ephemera.Reject("the application gave no reason"),
		`"verdict":"reject","reason":"no"`:   ephemera.Reject("no"),
		`"verdict":"later","reason":"early"`: ephemera.Later("early"),
	} {
		got := make(chan ephemera.Decision, 1)
		go func() { got <- s.CheckMessage(t.Context(), message(t, answer)) }()
		_, question, err := connection.Read(t.Context())
		require.NoError(t, err)
		f, err := decodeNodeFrame(question)
		require.NoError(t, err)
		frame := fmt.Sprintf(`{"type":"verdict","id":%d,%s}`, f.ID, answer)
		require.NoError(t, connection.Write(t.Context(), websocket.MessageText, []byte(frame)))
		require.Equal(t, want, <-got)
	}
}

func requireLater(t *testing.T, reason string, d ephemera.Decision) {
	t.Helper()
	require.True(t, d.IsLater())
	require.Contains(t, d.Reason(), reason)
}

func TestAnswerIsLaterWithoutAProgram(t *testing.T) {
	s := newStand(t, Config{})
	m := message(t, "hello")
	requireLater(t, "no application is registered", s.CheckMessage(t.Context(), m))
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 1, m)).IsLater())
	require.Empty(t, s.NextBlock(t.Context(), turn(t, m)))

	stop := s.connect(t, answering(ephemera.Accept()))
	require.True(t, s.CheckMessage(t.Context(), m).IsAccept())
	stop()
	require.Eventually(t, func() bool { _, connected := s.Connected(); return !connected }, time.Minute, time.Millisecond)
	requireLater(t, "no application is registered", s.CheckMessage(t.Context(), m))
	s.connect(t, answering(ephemera.Reject("no")))
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 1, m)).IsReject())
}

// A verdict on another member's block that arrives after the node stopped waiting is remembered and
// wakes the node.
func TestLateVerdictIsRemembered(t *testing.T) {
	s := newStand(t, Config{Within: time.Minute})
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
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 0)).IsAccept()) // asked after all others
	require.Len(t, asked, 2, "once about each block")
}

// A program that does not answer is disconnected, and its questions are answered with Later.
func TestSilentProgramIsDisconnected(t *testing.T) {
	s := newStand(t, Config{Within: 50 * time.Millisecond, Questions: 4})
	s.connect(t, program{
		message: func(ctx context.Context, _ block.Message) ephemera.Decision {
			<-ctx.Done()
			return ephemera.Later("stopped")
		},
		block: func(ctx context.Context, _ block.Block) ephemera.Decision {
			<-ctx.Done()
			return ephemera.Later("stopped")
		},
	})
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 0, message(t, "own"))).IsLater())
	require.True(t, s.CheckBlock(t.Context(), blockOf(t, 1)).IsLater())
	requireLater(t, "did not answer in time", s.CheckMessage(t.Context(), message(t, "a")))
	s.awaitWake(t) // it was disconnected and has registered again
}

// The client of a program that returns the zero Decision ends with an error.
func TestZeroDecisionEndsTheClient(t *testing.T) {
	s := newStand(t, Config{Within: time.Minute})
	c, err := NewClient(ClientConfig{URL: s.url, Token: s.token, Application: answering(ephemera.Decision{})})
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
	s := newStand(t, Config{Within: time.Minute, Questions: 2})
	release := make(chan struct{})
	s.connect(t, program{message: func(ctx context.Context, _ block.Message) ephemera.Decision {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return ephemera.Accept()
	}})
	var work sync.WaitGroup
	refused := make(chan ephemera.Decision, 20)
	for i := range 20 {
		work.Go(func() {
			if d := s.CheckMessage(t.Context(), message(t, string(rune('a'+i)))); !d.IsAccept() {
				refused <- d
			}
		})
	}
	for range 18 {
		requireLater(t, "did not answer in time", <-refused)
	}
	close(release)
	work.Wait()
	require.Empty(t, refused)
}

func TestOneProgramAtATime(t *testing.T) {
	s := newStand(t, Config{})
	stop := s.connect(t, answering(ephemera.Accept()))
	header := http.Header{"Authorization": {"Bearer secret"}}
	_, response, err := websocket.Dial(t.Context(), s.url, &websocket.DialOptions{HTTPHeader: header})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, response.StatusCode)
	require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	stop()

	s.token = "changed"
	c, err := NewClient(ClientConfig{URL: s.url, Token: "secret", Application: answering(ephemera.Accept())})
	require.NoError(t, err)
	require.ErrorIs(t, c.Run(t.Context()), ErrRefused)
	for _, wrong := range []string{"", "ftp://127.0.0.1", "127.0.0.1:7002"} {
		_, err = NewClient(ClientConfig{URL: wrong, Application: answering(ephemera.Accept())})
		require.ErrorContains(t, err, "admin listener")
	}
}

// A program that breaks the rules is disconnected with a reason, and the next one is served.
func TestWrongFramesEndTheConnection(t *testing.T) {
	s := newStand(t, Config{})
	register := `{"type":"register","version":1,"name":"raw"}`
	for name, frames := range map[string][]string{
		"not JSON":          {"hello"},
		"no registration":   {`{"type":"wake"}`},
		"another version":   {`{"type":"register","version":2}`},
		"registered twice":  {register, register},
		"unknown verdict":   {register, `{"type":"verdict","id":1,"verdict":"maybe"}`},
		"a node's question": {register, `{"type":"check_block","id":1}`},
		"too long":          {register, `{"type":"wake","reason":"` + strings.Repeat("x", 2*maxProgramFrame) + `"}`},
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
	require.True(t, s.CheckMessage(t.Context(), message(t, "hello")).IsAccept())
}
