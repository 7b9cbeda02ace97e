package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// ErrRefused reports a node that does not let this program register: its address, token or version
// is wrong. Another program that is registered already is waited for.
var ErrRefused = errors.New("the node refuses the application")

// Application is what a program decides. CheckMessage is called by several goroutines at a time,
// CheckBlock by one; what they promise is said at ephemera.Application.
type Application interface {
	CheckMessage(ctx context.Context, message block.Message) ephemera.Decision
	CheckBlock(ctx context.Context, candidate block.Block) ephemera.Decision
}

// ClientConfig describes the program's side. URL and Application are required.
type ClientConfig struct {
	URL         string // of the node's admin listener: http://127.0.0.1:7002
	Token       string // bearer token, where the node wants one
	Name        string // of the program, for the node's log
	Application Application

	Messages int // checked at a time: 8
	Client   *http.Client
	Logger   *slog.Logger // default: none
}

// Client is a program's side of the connection. Run is called once; the other methods are safe for
// concurrent use.
type Client struct {
	config ClientConfig
	target string
	wakes  chan struct{}

	registered chan struct{}
	once       sync.Once // closes it
}

// NewClient checks the configuration. Nothing is connected before Run. The error says what was
// expected.
func NewClient(config ClientConfig) (*Client, error) {
	if config.Application == nil {
		return nil, errors.New("remote application: there is no Application")
	}
	target, err := url.Parse(config.URL)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, fmt.Errorf("remote application: address %q, expected that of a node's admin listener, as http://127.0.0.1:7002", config.URL)
	}
	config.Messages = cmp.Or(config.Messages, 8)
	config.Name = cmp.Or(config.Name, "application")
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Client{config: config, target: target.JoinPath(Path).String(), wakes: make(chan struct{}, 1), registered: make(chan struct{})}, nil
}

// Wake tells the node that answers may be others now: it asks again about own blocks and about
// blocks that were judged later. It never blocks. Nothing is lost without a connection: the node
// asks again after each.
func (c *Client) Wake() {
	select {
	case c.wakes <- struct{}{}:
	default: // one is waiting already
	}
}

// Registered is closed when a node took the first registration.
func (c *Client) Registered() <-chan struct{} { return c.registered }

// Run answers the node until ctx is done and then returns nil. It connects again whenever the
// connection ends. It returns ErrRefused if the node does not let the program register, and
// verdict.ErrZero if the Application returned the zero Decision.
func (c *Client) Run(ctx context.Context) error {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval = 100*time.Millisecond, 5*time.Second
	for {
		answered, err := c.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, ErrRefused) || errors.Is(err, verdict.ErrZero) {
			return err
		}
		if answered {
			retry.Reset()
		}
		c.config.Logger.WarnContext(ctx, "the node does not ask this application, connecting again", "node", c.config.URL, "err", err)
		timer := time.NewTimer(retry.NextBackOff())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// connect serves one connection. It tells whether the node took the registration.
func (c *Client) connect(ctx context.Context) (registered bool, err error) {
	header := http.Header{}
	if c.config.Token != "" {
		header.Set("Authorization", "Bearer "+c.config.Token)
	}
	dial, cancel := context.WithTimeout(ctx, registerWithin)
	defer cancel()
	connection, response, err := websocket.Dial(dial, c.target, &websocket.DialOptions{HTTPHeader: header, HTTPClient: c.config.Client})
	if err != nil {
		if response != nil && response.StatusCode >= 400 && response.StatusCode < 500 && response.StatusCode != http.StatusConflict &&
			response.StatusCode != http.StatusTooManyRequests {
			return false, fmt.Errorf("%w: %s answers %s; check the address of the admin listener, the token, and that the node is configured for one",
				ErrRefused, c.target, strings.ToLower(response.Status))
		}
		return false, err
	}
	defer connection.CloseNow()
	// A frame tells a block once, in base64 and hexadecimal digits.
	connection.SetReadLimit(int64(4 * block.MaxBytes(membership.MaxLimits())))
	if err := writeFrame(dial, connection, Frame{Kind: Register, Version: Version, Name: clip(c.config.Name)}); err != nil {
		return false, err
	}
	_, data, err := connection.Read(dial)
	if err != nil {
		return false, fmt.Errorf("register: %w", err)
	}
	first, err := DecodeNode(data)
	switch {
	case err != nil:
		return false, err
	case first.Kind != Registered || first.Version != Version:
		return false, fmt.Errorf("%w: it speaks version %d, this program version %d", ErrRefused, first.Version, Version)
	}
	c.config.Logger.InfoContext(ctx, "registered as the node's application", "node", first.Key.Short(), "network", first.Network)
	c.once.Do(func() { close(c.registered) })
	return true, c.serve(ctx, connection)
}

// serve answers questions until the connection ends.
func (c *Client) serve(ctx context.Context, connection *websocket.Conn) error {
	work, ctx := errgroup.WithContext(ctx)
	blocks := make(chan Frame, 1)
	messages := make(chan Frame, 1)
	work.Go(func() error {
		for {
			_, data, err := connection.Read(ctx)
			if err != nil {
				return err
			}
			f, err := DecodeNode(data)
			if err != nil {
				return err
			}
			to := messages
			if f.Kind == CheckBlock {
				to = blocks
			}
			select {
			case to <- f: // full: the node waits, and counts
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	for range c.config.Messages {
		work.Go(func() error { return c.answer(ctx, connection, messages) })
	}
	work.Go(func() error { return c.answer(ctx, connection, blocks) })
	work.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-c.wakes:
				if err := writeFrame(ctx, connection, Frame{Kind: Wake}); err != nil {
					return err
				}
			}
		}
	})
	return work.Wait()
}

// answer answers questions one after the other.
func (c *Client) answer(ctx context.Context, connection *websocket.Conn, questions <-chan Frame) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case f := <-questions:
			reply, err := c.judge(ctx, f)
			if err != nil {
				return err
			}
			if err := writeFrame(ctx, connection, reply); err != nil {
				return err
			}
		}
	}
}

// judge asks the application. The error reports a frame that cannot be read, or the zero Decision.
func (c *Client) judge(ctx context.Context, f Frame) (Frame, error) {
	var d ephemera.Decision
	switch f.Kind {
	case CheckMessage:
		m, err := f.Message.Canonical()
		if err != nil {
			return Frame{}, err
		}
		d = c.config.Application.CheckMessage(ctx, m)
	case CheckBlock:
		b, err := f.Block.Canonical()
		if err != nil {
			return Frame{}, err
		}
		d = c.config.Application.CheckBlock(ctx, b)
	default:
		return Frame{}, fmt.Errorf("%w: registered twice", ErrFrame)
	}
	if d.IsZero() {
		return Frame{}, fmt.Errorf("application answered %s with the %w", f.Kind, verdict.ErrZero)
	}
	drops := d.Drops()
	return Frame{Kind: Verdict, ID: f.ID, Verdict: d.Name(), Reason: text(d.Reason()), Drop: drops[:min(len(drops), MaxDrop)]}, nil
}

// text shortens what people wrote to what a frame holds.
func text(s string) string { return shorten(s, MaxText) }
