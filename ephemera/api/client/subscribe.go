package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/coder/websocket"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
)

// Subscribe implements api.API. If the connection ends, or the server disconnects a caller that
// lagged, it reconnects and continues at its cursor, so that no block is lost or repeated. It
// returns an error if the first attempt to connect fails, or if the node refuses permanently.
func (c *Client) Subscribe(ctx context.Context, wanted api.Subscription) iter.Seq2[api.Entry, error] {
	return func(yield func(api.Entry, error) bool) {
		s := &subscriber{client: c, wanted: wanted, yield: yield}
		if err := s.run(ctx); err != nil && !s.done {
			yield(api.Entry{}, err)
		}
	}
}

// subscriber is one subscription over as many connections as it takes.
type subscriber struct {
	client   *Client
	wanted   api.Subscription // From advances with the frames
	yield    func(api.Entry, error) bool
	done     bool // the caller stopped ranging
	received bool // a frame was received since the last backoff
}

// Bounds of the backoff between two attempts to connect.
const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// newPauses returns pauses that double from minBackoff and are at most maxBackoff, including jitter
// of up to a half.
func newPauses() *backoff.ExponentialBackOff {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval, pauses.Multiplier = minBackoff, maxBackoff*2/3, 2
	return pauses
}

func (s *subscriber) run(ctx context.Context) error {
	pauses := newPauses()
	for first := true; ; first = false {
		err := s.receive(ctx)
		var p *api.Problem
		switch {
		case s.done:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case first && !s.received, errors.As(err, &p) && !p.Temporary():
			return err
		}
		if s.received {
			s.received = false
			pauses.Reset()
		}
		timer := time.NewTimer(pauses.NextBackOff())
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// readTimeout bounds the wait for the next frame, pings aside. Servers send frames of progress more
// often.
const readTimeout = 2 * time.Minute

// receive connects, handles frames until the connection ends, and returns why it ended.
func (s *subscriber) receive(ctx context.Context) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxResponse)
	for {
		frame, err := read(ctx, conn)
		if err != nil {
			return err
		}
		s.received = true
		if err := s.handle(frame); s.done || err != nil {
			return err
		}
	}
}

// handle handles a frame, and sets done if the caller stops ranging.
func (s *subscriber) handle(frame api.Frame) error {
	switch frame.Type {
	case api.FrameProblem:
		if frame.Problem == nil {
			return unverified("frame of type problem without a problem")
		}
		return frame.Problem
	case api.FrameProgress:
		if s.wanted.From == api.Now || frame.Cursor > s.wanted.From {
			s.wanted.From = frame.Cursor
			s.wanted.ReportProgress(frame.Cursor)
		}
	case api.FrameBlock:
		if frame.Entry == nil {
			return unverified("frame of type block without a block")
		}
		return s.deliver(*frame.Entry)
	}
	return nil // of a later version
}

func (s *subscriber) deliver(e api.Entry) error {
	if s.wanted.From != api.Now && e.Cursor <= s.wanted.From {
		return unverified("the node repeated cursor %d", e.Cursor)
	}
	if err := errors.Join(checkContent(e.Block), s.client.checkCertified(e)); err != nil {
		return err
	}
	s.wanted.From = e.Cursor
	if s.done = !s.yield(e, nil); !s.done {
		s.wanted.ReportProgress(e.Cursor)
	}
	return nil
}

func read(ctx context.Context, conn *websocket.Conn) (api.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	_, data, err := conn.Read(ctx)
	if err != nil {
		return api.Frame{}, api.WrapProblem(api.Unavailable, err)
	}
	var frame api.Frame
	if err := jsontext.Unmarshal(data, &frame); err != nil {
		return api.Frame{}, unverified("frame: %w", err)
	}
	return frame, nil
}

func (s *subscriber) dial(ctx context.Context) (*websocket.Conn, error) {
	query := url.Values{}
	if s.wanted.From != api.Now {
		query.Set("from", strconv.FormatUint(uint64(s.wanted.From), 10))
	}
	if s.wanted.Own {
		query.Set("filter", "own")
	}
	if s.wanted.Label != "" {
		query.Set("label", s.wanted.Label)
	}
	setKey(query, "creator", s.wanted.Creator)
	header := http.Header{}
	s.client.authorise(header)
	dialling, cancel := context.WithTimeout(ctx, s.client.options.Timeout)
	defer cancel()
	conn, response, err := websocket.Dial(dialling, s.client.url(api.PathSubscribe, query), &websocket.DialOptions{HTTPClient: s.client.http, HTTPHeader: header})
	if err == nil {
		return conn, nil
	}
	if response != nil && response.StatusCode != http.StatusSwitchingProtocols && response.Body != nil {
		body, readErr := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		if readErr == nil {
			return nil, problemOf(response, body)
		}
	}
	return nil, api.WrapProblem(api.Unavailable, fmt.Errorf("subscribe: %w", err))
}
