package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// subscription reads what a subscriber asks for.
func subscription(r *http.Request) (api.Subscription, error) {
	out := api.Subscription{From: api.Now}
	query := r.URL.Query()
	invalid := func(format string, args ...any) (api.Subscription, error) {
		return api.Subscription{}, api.NewProblem(api.Invalid, fmt.Sprintf(format, args...))
	}
	for name, values := range query {
		value := values[0]
		switch name {
		case "from":
			cursor, err := strconv.ParseUint(value, 10, 63)
			if err != nil {
				return invalid("from is %.70q, expected a cursor", value)
			}
			out.From = api.Cursor(cursor)
		case "filter":
			if value != "own" && value != "all" {
				return invalid("filter is %.70q, expected own or all; creator and label are parameters of their own", value)
			}
			out.Own = value == "own"
		case "creator":
			key, err := keys.ParsePublic(value)
			if err != nil {
				return invalid("creator: %s", err)
			}
			out.Creator = key
		case "label":
			out.Label = value
		default:
			return invalid("parameter %.70q is none of from, filter, creator and label", name)
		}
	}
	return out, nil
}

// subscribe sends blocks over a WebSocket for as long as the subscriber keeps up.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request) {
	wanted, err := subscription(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if r.Method != http.MethodGet || r.Header.Get("Upgrade") == "" {
		s.refuse(w, r, api.NewProblem(api.Invalid, "this is a WebSocket: connect with ws:// in place of http://"))
		return
	}
	select {
	case s.subscribers <- struct{}{}:
		defer func() { <-s.subscribers }()
	default:
		s.refuse(w, r, api.NewProblem(api.Unavailable, fmt.Sprintf("there are %d subscribers already: try again later", s.config.MaxSubscribers)))
		return
	}
	s.subscribing.Add(1)
	defer s.subscribing.Done()
	handshake := &handshake{ResponseWriter: w}
	conn, err := websocket.Accept(handshake, r, &websocket.AcceptOptions{OriginPatterns: s.config.Origins})
	if err != nil {
		kind := api.Malformed
		if handshake.status == http.StatusForbidden {
			kind = api.Forbidden
		}
		s.refuse(w, r, api.WrapProblem(kind, err))
		return
	}
	s.figures.subscribers.Inc()
	defer s.figures.subscribers.Dec()
	f := &feed{server: s, conn: conn, last: wanted.From}
	f.below = webserver.Connection(r.Context())
	defer f.listening.Wait()
	defer f.cut()
	f.run(r.Context(), wanted)
}

// handshake keeps back what the WebSocket's library says of a failed one, so that a problem
// document can be said instead.
type handshake struct {
	http.ResponseWriter
	status int
}

// WriteHeader passes on success only.
func (h *handshake) WriteHeader(status int) {
	if h.status = status; status == http.StatusSwitchingProtocols {
		h.ResponseWriter.WriteHeader(status)
	}
}

// Write drops the text of a failure.
func (h *handshake) Write(text []byte) (int, error) { return len(text), nil }

// Unwrap leads to the connection.
func (h *handshake) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// feed is one subscriber.
type feed struct {
	server *Server
	conn   *websocket.Conn
	below  net.Conn // that conn is on

	listening sync.WaitGroup

	mu     sync.Mutex // held while a frame is written
	last   api.Cursor // where the subscriber goes on from; Now until something is known
	looked api.Cursor // how far the node has looked
}

// cut ends the connection at once. The WebSocket alone would wait seconds for a subscriber that
// does not answer.
func (f *feed) cut() {
	if f.below != nil {
		_ = f.below.Close()
	}
	_ = f.conn.CloseNow()
}

// Why a subscriber is cut.
var (
	errSlow  = errors.New("subscriber reads too slowly")
	errTalks = errors.New("subscriber sends frames")
)

// run sends blocks until the subscriber has gone, is cut or the server stops.
func (f *feed) run(ctx context.Context, wanted api.Subscription) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f.listening.Go(func() { f.listen(context.WithoutCancel(ctx), cancel) })
	var pinging sync.WaitGroup
	pinging.Go(func() { f.ping(ctx, cancel) })
	defer pinging.Wait()
	defer cancel(nil)

	wanted.Progress = func(cursor api.Cursor) { f.progress(ctx, cursor) }
	for entry, err := range f.server.api.Subscribe(ctx, wanted) {
		if err == nil {
			err = f.send(ctx, api.Frame{Type: api.FrameBlock, Entry: &entry, Cursor: entry.Cursor})
		}
		if err != nil {
			f.end(ctx, err)
			return
		}
	}
}

// listen reads pongs until the connection is over, or the subscriber sends what is not expected.
// Conn.CloseRead is not used: it waits 15 s for itself when a frame comes.
func (f *feed) listen(ctx context.Context, cancel context.CancelCauseFunc) {
	_, _, err := f.conn.Reader(ctx)
	if err == nil {
		err = errTalks
	}
	cancel(err)
}

// send writes a frame. errSlow when it took too long, although it has arrived.
func (f *feed) send(ctx context.Context, frame api.Frame) error {
	data, err := json.Marshal(frame)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if frame.Type == api.FrameProgress && f.last != api.Now && frame.Cursor < f.last {
		return nil // a block was faster
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.server.config.WriteTimeout)
	defer cancel()
	// A write that is interrupted ends the connection, so one that is nearly done may end, and the
	// last frame follow.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(goodbye, cancel) })()
	start := time.Now()
	if err := f.conn.Write(bound, websocket.MessageText, data); err != nil {
		return err
	}
	f.last = frame.Cursor
	if time.Since(start) > f.server.config.SlowAfter {
		return errSlow
	}
	return nil
}

// progress notes that the subscriber misses nothing up to a cursor: everything before it has been
// sent. One that asked from now on is told at once where that is, so that it can go on from there.
func (f *feed) progress(ctx context.Context, cursor api.Cursor) {
	f.mu.Lock()
	f.looked = cursor
	tell := f.last == api.Now
	f.mu.Unlock()
	if tell {
		_ = f.send(ctx, api.Frame{Type: api.FrameProgress, Cursor: cursor}) // a failure ends the connection, which the next block notices
	}
}

// ping cuts a subscriber that is not there any more, or does not read, and tells one that does how
// far the node has looked.
func (f *feed) ping(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(f.server.config.PingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !f.mu.TryLock() {
			continue // a frame is under way, and has a bound of its own
		}
		looked := f.looked
		f.mu.Unlock()
		waiting, stop := context.WithTimeout(ctx, f.server.config.PingTimeout)
		err := f.conn.Ping(waiting)
		stop()
		if err == nil {
			err = f.send(ctx, api.Frame{Type: api.FrameProgress, Cursor: looked})
		}
		if err != nil {
			cancel(errSlow)
			return
		}
	}
}

// goodbye is how long the last frame and the closing may take.
const goodbye = 500 * time.Millisecond

// end tells the subscriber why it ends and where to go on, if it listens.
func (f *feed) end(ctx context.Context, why error) {
	if cause := context.Cause(ctx); errors.Is(cause, errSlow) || errors.Is(cause, errTalks) {
		why = cause
	}
	f.mu.Lock()
	last := f.last
	f.mu.Unlock()
	var known *api.Problem
	code := websocket.StatusInternalError
	switch {
	case errors.Is(why, errSlow):
		f.server.figures.lagged.Inc()
		known, code = api.LaggingAt(last), websocket.StatusTryAgainLater
	case errors.Is(why, errTalks):
		known, code = api.NewProblem(api.Malformed, "no frames are expected from a subscriber"), websocket.StatusPolicyViolation
	case errors.As(why, &known):
		if known.Temporary() {
			code = websocket.StatusTryAgainLater
		}
	default:
		known, code = api.NewProblem(api.Unavailable, "the node stops"), websocket.StatusGoingAway
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	frame, err := json.Marshal(api.Frame{Type: api.FrameProblem, Problem: known, Cursor: last})
	if err == nil && f.conn.Write(bound, websocket.MessageText, frame) == nil {
		defer time.AfterFunc(goodbye, f.cut).Stop()
		_ = f.conn.Close(code, string(known.Kind())) // waits for the subscriber's answer
	}
}
