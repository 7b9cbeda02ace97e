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

// parseSubscription reads the query of a subscriber.
func parseSubscription(r *http.Request) (api.Subscription, error) {
	out := api.Subscription{From: api.Now}
	query := r.URL.Query()
	invalid := func(format string, args ...any) (api.Subscription, error) {
		return api.Subscription{}, api.NewProblem(api.Invalid, fmt.Sprintf(format, args...))
	}
	for name, values := range query {
		value := values[0]
		switch name {
		case "from":
			cursor, err := strconv.ParseUint(value, 10, 53)
			if err != nil {
				return invalid("from is %.70q, expected a cursor", value)
			}
			out.From = api.Cursor(cursor)
		case "filter":
			if value != "own" && value != "all" {
				return invalid("filter is %.70q, expected own or all (creator and label are separate parameters)", value)
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
			return invalid("unknown parameter %.70q, expected from, filter, creator or label", name)
		}
	}
	return out, nil
}

// subscribe sends blocks over a WebSocket while the subscriber keeps up.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request) {
	wanted, err := parseSubscription(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if r.Method != http.MethodGet || r.Header.Get("Upgrade") == "" {
		s.refuse(w, r, api.NewProblem(api.Invalid, "this endpoint is a WebSocket: connect with ws:// instead of http://"))
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	waiting, stop := context.WithTimeout(ctx, placeTimeout)
	place := s.subscribers.Take(waiting, webserver.Caller(r), 1, func() { cancel(errYields) })
	stop()
	if place == nil {
		s.refuse(w, r, api.NewProblem(api.Unavailable, fmt.Sprintf(
			"all of the %d places for subscribers, or the half that one address may have, are taken (try again later)", s.config.MaxSubscribers)))
		return
	}
	defer place.Release()
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
	f := &feed{server: s, request: r.WithContext(ctx), conn: conn, below: webserver.Connection(ctx), last: wanted.From}
	defer f.listening.Wait()
	defer f.cut()
	f.run(ctx, cancel, wanted)
}

// placeTimeout bounds the wait for the place of a subscriber that gives way, which takes about
// twice closeTimeout.
const placeTimeout = 5 * time.Second

// handshake suppresses the WebSocket library's response to a failed handshake, so that the server
// can write a problem document.
type handshake struct {
	http.ResponseWriter
	status int
}

// WriteHeader forwards only a success.
func (h *handshake) WriteHeader(status int) {
	if h.status = status; status == http.StatusSwitchingProtocols {
		h.ResponseWriter.WriteHeader(status)
	}
}

// Write drops the text of a failure.
func (h *handshake) Write(text []byte) (int, error) { return len(text), nil }

// Unwrap lets the library hijack the connection.
func (h *handshake) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// feed is one subscriber.
type feed struct {
	server  *Server
	request *http.Request
	conn    *websocket.Conn
	below   net.Conn // the connection under conn

	listening sync.WaitGroup

	mu     sync.Mutex // held while a frame is written
	last   api.Cursor // where the subscriber would continue; Now until that is known
	looked api.Cursor // how far the node has searched
}

// cut closes the connection at once. The WebSocket's own close would wait seconds for a subscriber
// that does not answer.
func (f *feed) cut() {
	if f.below != nil {
		_ = f.below.Close()
	}
	_ = f.conn.CloseNow()
}

// Reasons to disconnect a subscriber.
var (
	errSlow  = errors.New("subscriber reads too slowly")
	errTalks = errors.New("subscriber sent a frame")
	// errYields means that all places are taken, and those of the subscriber's address are the most.
	errYields = errors.New("subscriber gives its place to another address")
	// errMemory means that there is no memory for the next block.
	errMemory = errors.New("the memory for answers is taken")
)

// run sends blocks until the subscriber has gone or is disconnected, or the server stops.
// Cancel ends ctx.
func (f *feed) run(ctx context.Context, cancel context.CancelCauseFunc, wanted api.Subscription) {
	f.listening.Go(func() { f.listen(context.WithoutCancel(ctx), cancel) })
	var pinging sync.WaitGroup
	pinging.Go(func() { f.ping(ctx, cancel) })
	defer pinging.Wait()
	defer cancel(nil)

	wanted.Progress = func(cursor api.Cursor) { f.progress(ctx, cursor) }
	for entry, err := range f.server.api.Subscribe(ctx, wanted) {
		if err == nil {
			err = f.sendBlock(ctx, entry)
		}
		if err != nil {
			f.end(ctx, err)
			return
		}
	}
}

// listen handles pongs until the connection ends or the subscriber sends a frame. It does not use
// Conn.CloseRead, which waits 15 s if a frame arrives.
func (f *feed) listen(ctx context.Context, cancel context.CancelCauseFunc) {
	_, _, err := f.conn.Reader(ctx)
	if err == nil {
		err = errTalks
	}
	cancel(err)
}

// sendBlock writes a block, whose bytes are shared with others to whom it is sent.
func (f *feed) sendBlock(ctx context.Context, entry api.Entry) error {
	cursor := entry.Cursor
	data, err := f.server.frames.block(entry)
	if err != nil {
		return err
	}
	entry = api.Entry{} // only its bytes are in memory while they are sent
	data, sent, ok := f.server.web.Share(ctx, f.request, data)
	if !ok {
		return errMemory
	}
	defer sent()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write(ctx, cursor, data)
}

// sendProgress writes how far the node has searched.
func (f *feed) sendProgress(ctx context.Context, cursor api.Cursor) error {
	data, err := json.Marshal(api.Frame{Type: api.FrameProgress, Cursor: cursor})
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last != api.Now && cursor < f.last {
		return nil // a block with a higher cursor was sent in the meantime
	}
	return f.write(ctx, cursor, data)
}

// write writes a frame. It returns errSlow if that succeeded but took too long. The caller holds
// the mutex.
func (f *feed) write(ctx context.Context, cursor api.Cursor, data []byte) error {
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(f.server.config.WriteTimeout, 2*f.server.config.SlowAfter))
	defer cancel()
	// Interrupting a write ends the connection, so a write that is nearly complete gets time to finish
	// and let the last frame follow.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(closeTimeout, cancel) })()
	start := time.Now()
	if err := f.conn.Write(bound, websocket.MessageText, data); err != nil {
		return err
	}
	f.last = cursor
	if time.Since(start) > f.server.config.SlowAfter {
		return errSlow
	}
	return nil
}

// progress notes that all blocks up to a cursor have been sent. A subscriber that asked for blocks
// from now on gets the first cursor at once, so that it can continue from there.
func (f *feed) progress(ctx context.Context, cursor api.Cursor) {
	f.mu.Lock()
	f.looked = cursor
	tell := f.last == api.Now
	f.mu.Unlock()
	if tell {
		// A failure ends the connection.
		_ = f.sendProgress(ctx, cursor)
	}
}

// ping disconnects a subscriber that has gone or does not read, and sends progress to the others.
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
			continue // a frame is being written, which has its own timeout
		}
		looked := f.looked
		f.mu.Unlock()
		waiting, stop := context.WithTimeout(ctx, f.server.config.PingTimeout)
		err := f.conn.Ping(waiting)
		stop()
		if err == nil {
			err = f.sendProgress(ctx, looked)
		}
		if err != nil {
			cancel(errSlow)
			return
		}
	}
}

// closeTimeout bounds the last frame, and then the closing handshake.
const closeTimeout = 500 * time.Millisecond

// end sends the reason why the subscription ends and the cursor to continue from.
func (f *feed) end(ctx context.Context, why error) {
	if cause := context.Cause(ctx); errors.Is(cause, errSlow) || errors.Is(cause, errTalks) || errors.Is(cause, errYields) {
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
		known, code = api.NewProblem(api.Malformed, "a subscriber must not send frames"), websocket.StatusPolicyViolation
	case errors.Is(why, errYields):
		known = api.NewProblem(api.Unavailable, "subscribers of other addresses need the places, of which this address has the most (subscribe again later)")
		code = websocket.StatusTryAgainLater
	case errors.Is(why, errMemory):
		known = api.NewProblem(api.Unavailable, "slower callers have taken the memory for blocks (subscribe again later)")
		code = websocket.StatusTryAgainLater
	case errors.As(why, &known):
		if known.Temporary() {
			code = websocket.StatusTryAgainLater
		}
	default:
		known, code = api.NewProblem(api.Unavailable, "the node is stopping"), websocket.StatusGoingAway
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	frame, err := json.Marshal(api.Frame{Type: api.FrameProblem, Problem: known, Cursor: last})
	if err == nil && f.conn.Write(bound, websocket.MessageText, frame) == nil {
		defer time.AfterFunc(closeTimeout, f.cut).Stop()
		_ = f.conn.Close(code, string(known.Kind())) // waits for the subscriber's answer
	}
}
