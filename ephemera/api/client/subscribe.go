package client

import (
	"context"
	"encoding/json"
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
)

// Subscribe implements api.API. When the connection ends, or the caller lagged and was cut, it
// connects again and goes on at its cursor, so that nothing is lost or repeated. It gives up when
// the node cannot be reached at the first attempt, or refuses for good.
func (c *Client) Subscribe(ctx context.Context, wanted api.Subscription) iter.Seq2[api.Entry, error] {
	return func(yield func(api.Entry, error) bool) {
		f := &follower{client: c, wanted: wanted, yield: yield}
		if err := f.follow(ctx); err != nil && !f.enough {
			yield(api.Entry{}, err)
		}
	}
}

// follower is one subscription over as many connections as it takes.
type follower struct {
	client *Client
	wanted api.Subscription // From moves on
	yield  func(api.Entry, error) bool
	enough bool // the caller ranges no longer
	heard  bool // a frame has come since the last pause
}

// Pauses between two attempts to connect: doubling, jittered.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

func (f *follower) follow(ctx context.Context) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval, pauses.Multiplier = firstPause, lastPause, 2
	for first := true; ; first = false {
		err := f.connection(ctx)
		var p *api.Problem
		switch {
		case f.enough:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case first && !f.heard, errors.As(err, &p) && !p.Temporary():
			return err
		}
		if f.heard {
			f.heard = false
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

// silence is how long a connection may say nothing at all, pings aside, before another is tried.
// Servers tell of their progress more often.
const silence = 2 * time.Minute

// connection reads one connection to its end, and returns why it ended.
func (f *follower) connection(ctx context.Context) error {
	conn, err := f.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxAnswer)
	for {
		frame, err := read(ctx, conn)
		if err != nil {
			return err
		}
		f.heard = true
		if done, err := f.take(frame); done || err != nil {
			return err
		}
	}
}

// take handles a frame. Done: the caller has enough.
func (f *follower) take(frame api.Frame) (done bool, err error) {
	switch frame.Type {
	case api.FrameProblem:
		if frame.Problem == nil {
			return false, unverified("a problem without a problem")
		}
		return false, frame.Problem
	case api.FrameProgress:
		if f.wanted.From == api.Now || frame.Cursor > f.wanted.From {
			f.wanted.From = frame.Cursor
			f.wanted.Looked(frame.Cursor)
		}
		return false, nil
	case api.FrameBlock:
		if frame.Entry == nil {
			return false, unverified("a block frame without a block")
		}
		e := *frame.Entry
		if f.wanted.From != api.Now && e.Cursor <= f.wanted.From {
			return false, unverified("the node repeats cursor %d", e.Cursor)
		}
		if err := errors.Join(whole(e.Block), f.client.certified(e)); err != nil {
			return false, err
		}
		f.wanted.From = e.Cursor
		f.enough = !f.yield(e, nil)
		if !f.enough {
			f.wanted.Looked(e.Cursor)
		}
		return f.enough, nil
	}
	return false, nil // of a later version
}

func read(ctx context.Context, conn *websocket.Conn) (api.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	_, data, err := conn.Read(ctx)
	if err != nil {
		return api.Frame{}, api.WrapProblem(api.Unavailable, err)
	}
	var frame api.Frame
	if err := json.Unmarshal(data, &frame); err != nil {
		return api.Frame{}, unverified("frame: %w", err)
	}
	return frame, nil
}

func (f *follower) dial(ctx context.Context) (*websocket.Conn, error) {
	query := url.Values{}
	if f.wanted.From != api.Now {
		query.Set("from", strconv.FormatUint(uint64(f.wanted.From), 10))
	}
	if f.wanted.Own {
		query.Set("filter", "own")
	}
	if f.wanted.Label != "" {
		query.Set("label", f.wanted.Label)
	}
	setKey(query, "creator", f.wanted.Creator)
	header := http.Header{}
	f.client.authorise(header)
	dialling, cancel := context.WithTimeout(ctx, f.client.options.Timeout)
	defer cancel()
	conn, response, err := websocket.Dial(dialling, f.client.url(api.PathSubscribe, query), &websocket.DialOptions{HTTPClient: f.client.http, HTTPHeader: header})
	if err == nil {
		return conn, nil
	}
	if response != nil && response.StatusCode != http.StatusSwitchingProtocols && response.Body != nil {
		body, readErr := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		if readErr == nil {
			return nil, refusal(response, body)
		}
	}
	return nil, api.WrapProblem(api.Unavailable, fmt.Errorf("subscribe: %w", err))
}
