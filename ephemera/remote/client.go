package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// ErrRefused reports that the node does not let this program register: the address, the token or
// the version is wrong. It does not report that another program is registered; the client waits for
// that one to leave.
var ErrRefused = errors.New("the node refuses the application")

// Application makes a program's decisions. CheckMessage is called concurrently, CheckBlock by one
// goroutine. ephemera.Application documents what both must guarantee.
type Application interface {
	CheckMessage(ctx context.Context, message block.Message) ephemera.Decision
	CheckBlock(ctx context.Context, candidate block.Block) ephemera.Decision
}

// ClientConfig describes the program's side. URL and Application are required.
type ClientConfig struct {
	// URL is that of the node's admin listener, such as http://127.0.0.1:7002.
	URL string
	// Token is the bearer token, if the node requires one.
	Token string
	// Name identifies the program in the node's log. The default is "application".
	Name        string
	Application Application

	// Messages is how many messages are checked concurrently. The default is 8.
	Messages int
	// Client defaults to http.DefaultClient.
	Client *http.Client
	// Logger may be nil.
	Logger *slog.Logger
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

// NewClient checks the configuration and returns a client, which connects when Run is called. An
// error says what was expected.
func NewClient(config ClientConfig) (*Client, error) {
	if config.Application == nil {
		return nil, errors.New("remote application: Application is missing")
	}
	target, err := address.ParseURL(config.URL)
	if err != nil {
		return nil, fmt.Errorf("remote application: address of the node's admin listener: %w", err)
	}
	config.Messages = cmp.Or(config.Messages, 8)
	config.Name = cmp.Or(config.Name, "application")
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Client{config: config, target: target.JoinPath(endpointPath).String(), wakes: make(chan struct{}, 1), registered: make(chan struct{})}, nil
}

// Wake tells the node that answers may have changed. The node asks again about its own block and
// about blocks that were answered with Later. Wake never blocks. It may be called while there is
// no connection, because the node asks again after each registration.
func (c *Client) Wake() {
	select {
	case c.wakes <- struct{}{}:
	default: // one is pending already
	}
}

// Registered returns a channel that is closed when a node has accepted the first registration.
func (c *Client) Registered() <-chan struct{} { return c.registered }

// Run answers the node until ctx is done and then returns nil. It reconnects whenever the
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
		c.config.Logger.WarnContext(ctx, "connection to the node failed or ended, reconnecting", "node", c.config.URL, "err", err)
		timer := time.NewTimer(retry.NextBackOff())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// connect serves one connection. It reports whether the node accepted the registration.
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
			return false, fmt.Errorf("%w: %s answers %s; check the address of the admin listener, the token, and that the node is configured for a remote application",
				ErrRefused, c.target, strings.ToLower(response.Status))
		}
		return false, err
	}
	defer connection.CloseNow()
	// A frame holds a block once, in base64 and hexadecimal digits.
	connection.SetReadLimit(int64(4 * block.MaxBytes(membership.MaxLimits())))
	if err := writeFrame(dial, connection, frame{Kind: kindRegister, Version: frameVersion, Name: clip(c.config.Name)}); err != nil {
		return false, err
	}
	_, data, err := connection.Read(dial)
	if err != nil {
		return false, fmt.Errorf("register: %w", err)
	}
	first, err := decodeNodeFrame(data)
	switch {
	case err != nil:
		return false, err
	case first.Kind != kindRegistered || first.Version != frameVersion:
		return false, fmt.Errorf("%w: it speaks version %d, this program version %d", ErrRefused, first.Version, frameVersion)
	}
	c.config.Logger.InfoContext(ctx, "registered as the node's application", "node", first.Key.Short(), "network", first.Network)
	c.once.Do(func() { close(c.registered) })
	return true, c.serve(ctx, connection)
}

// serve answers questions until the connection ends.
func (c *Client) serve(ctx context.Context, connection *websocket.Conn) error {
	work, ctx := errgroup.WithContext(ctx)
	blocks := make(chan frame, 1)
	messages := make(chan frame, 1)
	work.Go(func() error {
		for {
			_, data, err := connection.Read(ctx)
			if err != nil {
				return err
			}
			f, err := decodeNodeFrame(data)
			if err != nil {
				return err
			}
			to := messages
			if f.Kind == kindCheckBlock {
				to = blocks
			}
			select {
			case to <- f: // if it is full, the node's bound on open questions applies
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
				if err := writeFrame(ctx, connection, frame{Kind: kindWake}); err != nil {
					return err
				}
			}
		}
	})
	return work.Wait()
}

// answer answers one question after the other.
func (c *Client) answer(ctx context.Context, connection *websocket.Conn, questions <-chan frame) error {
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

// judge asks the application. It returns an error if the frame cannot be read or the application
// returned the zero Decision.
func (c *Client) judge(ctx context.Context, f frame) (frame, error) {
	var d ephemera.Decision
	switch f.Kind {
	case kindCheckMessage:
		m, err := f.Message.Canonical()
		if err != nil {
			return frame{}, err
		}
		d = c.config.Application.CheckMessage(ctx, m)
	case kindCheckBlock:
		b, err := f.Block.Canonical()
		if err != nil {
			return frame{}, err
		}
		d = c.config.Application.CheckBlock(ctx, b)
	default:
		return frame{}, fmt.Errorf("%w: registered twice", errFrame)
	}
	if d.IsZero() {
		return frame{}, fmt.Errorf("application answered %s with the %w", f.Kind, verdict.ErrZero)
	}
	drops := d.Drops()
	return frame{Kind: kindVerdict, ID: f.ID, Verdict: d.Name(), Reason: text(d.Reason()), Drop: drops[:min(len(drops), maxDrop)]}, nil
}

// text shortens a text to fit a frame.
func text(s string) string { return shorten(s, maxText) }
