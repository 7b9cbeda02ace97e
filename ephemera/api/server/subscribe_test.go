package server_test

import (
	"context"
	"encoding/json"
	"iter"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// endless is a node with a block for every cursor up to last. Then it waits.
type endless struct {
	api.API
	last api.Cursor
}

func (e endless) Subscribe(ctx context.Context, s api.Subscription) iter.Seq2[api.Entry, error] {
	return func(yield func(api.Entry, error) bool) {
		if s.From == api.Now {
			s.From = e.last
		}
		s.ReportProgress(s.From)
		for at := s.From + 1; at <= e.last; at++ {
			if !yield(api.Entry{Cursor: at}, nil) {
				return
			}
			s.ReportProgress(at)
		}
		<-ctx.Done()
		yield(api.Entry{}, ctx.Err())
	}
}

// pipes is a listener without a network, for virtual time. Its connections are unbuffered.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// virtual runs a test in virtual time with a server of an endless node. The function subscribe
// connects a subscriber.
func virtual(t *testing.T, config server.Config, last api.Cursor, test func(t *testing.T, subscribe func(query string) (*websocket.Conn, error))) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes()
		config.Listener = listener
		s, err := server.New(endless{last: last}, config)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		transport := &http.Transport{DialContext: listener.dial}
		defer func() {
			transport.CloseIdleConnections()
			cancel()
			require.NoError(t, <-done)
		}()
		test(t, func(query string) (*websocket.Conn, error) {
			conn, answer, err := websocket.Dial(t.Context(), "http://127.0.0.1:1"+api.PathSubscribe+query, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
			if err != nil && answer != nil {
				var p api.Problem
				require.NoError(t, json.NewDecoder(answer.Body).Decode(&p))
				return nil, &p
			}
			return conn, err
		})
	})
}

func read(t *testing.T, conn *websocket.Conn) (api.Frame, error) {
	t.Helper()
	_, data, err := conn.Read(t.Context())
	if err != nil {
		return api.Frame{}, err
	}
	var frame api.Frame
	require.NoError(t, json.Unmarshal(data, &frame))
	return frame, nil
}

func TestSlowSubscriberLearnsItsCursor(t *testing.T) {
	config := server.Config{SlowAfter: 5 * time.Second, WriteTimeout: time.Minute, PingInterval: time.Hour}
	virtual(t, config, 100, func(t *testing.T, subscribe func(string) (*websocket.Conn, error)) {
		conn, err := subscribe("?from=0")
		require.NoError(t, err)
		for want := range api.Cursor(10) { // fast enough
			frame, err := read(t, conn)
			require.NoError(t, err)
			require.Equal(t, api.FrameBlock, frame.Type)
			require.Equal(t, want+1, frame.Entry.Cursor)
		}
		time.Sleep(6 * time.Second) // virtual
		last := api.Cursor(10)
		var frame api.Frame
		for {
			frame, err = read(t, conn)
			require.NoError(t, err)
			if frame.Type != api.FrameBlock {
				break
			}
			last++
			require.Equal(t, last, frame.Cursor)
		}
		require.Equal(t, api.FrameProblem, frame.Type)
		require.Equal(t, api.Lagging, frame.Problem.Kind())
		require.Equal(t, last, *frame.Problem.Cursor)
		require.Less(t, last, api.Cursor(100))
		_, err = read(t, conn)
		require.Equal(t, websocket.StatusTryAgainLater, websocket.CloseStatus(err))

		again, err := subscribe("?from=" + string(mustText(t, last)))
		require.NoError(t, err)
		frame, err = read(t, again)
		require.NoError(t, err)
		require.Equal(t, last+1, frame.Entry.Cursor, "nothing is lost or repeated")
		require.NoError(t, again.CloseNow())
	})
}

func mustText(t *testing.T, cursor api.Cursor) []byte {
	text, err := json.Marshal(cursor)
	require.NoError(t, err)
	return text
}

func TestSubscriberThatReadsNothingIsDisconnected(t *testing.T) {
	for name, c := range map[string]struct {
		last    api.Cursor
		seconds int
	}{
		"while a block is written": {last: 1000, seconds: 31},
		"while nothing happens":    {last: 0, seconds: 31},
	} {
		t.Run(name, func(t *testing.T) {
			config := server.Config{WriteTimeout: 20 * time.Second, PingInterval: 10 * time.Second, PingTimeout: 5 * time.Second, MaxSubscribers: 1}
			virtual(t, config, c.last, func(t *testing.T, subscribe func(string) (*websocket.Conn, error)) {
				deaf, err := subscribe("?from=0")
				require.NoError(t, err)
				_, err = subscribe("?from=0")
				require.ErrorIs(t, err, api.Unavailable, "there may be one")
				time.Sleep(time.Duration(c.seconds) * time.Second) // virtual
				next, err := subscribe("?from=0")
				require.NoError(t, err)
				require.NoError(t, next.CloseNow())
				require.NoError(t, deaf.CloseNow())
			})
		})
	}
}

func TestSubscriberGetsPingsAndProgress(t *testing.T) {
	virtual(t, server.Config{PingInterval: 10 * time.Second}, 7, func(t *testing.T, subscribe func(string) (*websocket.Conn, error)) {
		conn, err := subscribe("")
		require.NoError(t, err)
		start := time.Now()
		for range 3 {
			frame, err := read(t, conn)
			require.NoError(t, err)
			require.Equal(t, api.Frame{Type: api.FrameProgress, Cursor: 7}, frame)
		}
		require.Equal(t, 20*time.Second, time.Since(start)) // virtual: at once, and with each ping
		require.NoError(t, conn.CloseNow())
	})
}

func TestSubscribersLearnThatTheNodeStops(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s, err := server.New(c.API(0), server.Config{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	conn, _, err := websocket.Dial(t.Context(), s.URL()+api.PathSubscribe, &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{}}})
	require.NoError(t, err)
	_, err = read(t, conn)
	require.NoError(t, err)
	cancel()
	frame, err := read(t, conn)
	require.NoError(t, err)
	require.Equal(t, api.Unavailable, frame.Problem.Kind())
	_, err = read(t, conn)
	require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(err))
	require.NoError(t, <-done)
}

func TestSubscriberThatSendsFramesIsDisconnected(t *testing.T) {
	virtual(t, server.Config{MaxSubscribers: 1}, 3, func(t *testing.T, subscribe func(string) (*websocket.Conn, error)) {
		conn, err := subscribe("")
		require.NoError(t, err)
		_, err = read(t, conn)
		require.NoError(t, err)
		require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte("hello")))
		frame, err := read(t, conn)
		require.NoError(t, err)
		require.Equal(t, api.Malformed, frame.Problem.Kind())
		_, err = read(t, conn)
		require.Equal(t, websocket.StatusPolicyViolation, websocket.CloseStatus(err))
		synctest.Wait()
		next, err := subscribe("")
		require.NoError(t, err)
		require.NoError(t, next.CloseNow())
	})
}

func TestForeignPagesMayNotSubscribe(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{Origins: []string{"*.friend.example"}})
	upgrade := func(origin string) reply {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := request(t, http.MethodGet, s.URL()+api.PathSubscribe, "", "Upgrade", "websocket", "Connection", "Upgrade",
			"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==", "Origin", origin).WithContext(ctx)
		answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		require.NoError(t, err)
		defer func() { _ = answer.Body.Close() }()
		out := reply{Status: answer.StatusCode, Header: answer.Header}
		if answer.StatusCode != http.StatusSwitchingProtocols {
			var p json.RawMessage
			require.NoError(t, json.NewDecoder(answer.Body).Decode(&p))
			out.Body = p
		}
		return out
	}
	upgrade("http://evil.example").problem(t, api.Forbidden)
	require.Equal(t, http.StatusSwitchingProtocols, upgrade("http://a.friend.example").Status)
	require.Equal(t, http.StatusSwitchingProtocols, upgrade(s.URL()).Status)
	bad := request(t, http.MethodGet, s.URL()+api.PathSubscribe, "", "Upgrade", "websocket")
	do(t, bad).problem(t, api.Malformed)
}
