// Package client asks a node over HTTP. It is an api.API that behaves like the in-process one, and
// checks what it is told: that a block is the one asked for, that a proof proves, and, for callers
// that name the groups which they trust, that blocks are certified.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Options of a client. Zero values are the defaults.
type Options struct {
	Token string // to have the node sign, from elsewhere than its own machine
	// Groups are those that the caller trusts. With them, every block must be certified in one of
	// them, or the answer is an error of kind api.Unverified.
	Groups  []*membership.Group
	Timeout time.Duration     // of one request; 30 s. Subscriptions last as long as their context
	HTTP    http.RoundTripper // nil: a transport of the client's own
}

// Client asks one node. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	options Options
	http    *http.Client
	groups  map[membership.ID]*membership.Group
}

var _ api.API = (*Client)(nil)

// New returns a client of the node at a URL such as http://127.0.0.1:7100. Nothing is asked yet.
func New(address string, options Options) (*Client, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("node's URL: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("node's URL is %q, expected http://host:port", address)
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	if options.Timeout == 0 {
		options.Timeout = 30 * time.Second
	}
	if options.HTTP == nil {
		options.HTTP = &http.Transport{
			MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: options.Timeout, Proxy: http.ProxyFromEnvironment,
		}
	}
	c := &Client{base: base, options: options, http: &http.Client{Transport: options.HTTP}, groups: map[membership.ID]*membership.Group{}}
	for _, group := range options.Groups {
		c.groups[group.ID()] = group
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// maxAnswer bounds an answer: the greatest block that a group can have, in JSON.
const maxAnswer = 128 << 20

// ask makes a request and decodes its answer, where there is one, into out.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, body, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	err := c.exchange(ctx, method, path, query, body, out)
	if ctx.Err() != nil && err != nil {
		return fmt.Errorf("%s %s: %w", method, path, ctx.Err())
	}
	return err
}

func (c *Client) exchange(ctx context.Context, method, path string, query url.Values, body, out any) error {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return api.WrapProblem(api.Invalid, err)
		}
		content = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url(path, query), content)
	if err != nil {
		return api.WrapProblem(api.Invalid, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	c.authorise(request.Header)
	response, err := c.http.Do(request)
	if err != nil {
		return api.WrapProblem(api.Unavailable, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return api.WrapProblem(api.Unavailable, err)
	}
	if response.StatusCode/100 != 2 && !(path == api.PathReady && response.StatusCode == http.StatusServiceUnavailable) {
		return refusal(response, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return unverified("%s %s answers with something else: %w", method, path, err)
	}
	return nil
}

func (c *Client) url(path string, query url.Values) string {
	return c.base.String() + path + "?" + query.Encode()
}

func (c *Client) authorise(header http.Header) {
	if c.options.Token != "" {
		header.Set("Authorization", "Bearer "+c.options.Token)
	}
}

// refusal returns the problem that an answer tells of.
func refusal(response *http.Response, body []byte) error {
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	p := &api.Problem{}
	if err != nil || kind != api.ProblemType || json.Unmarshal(body, p) != nil {
		return api.NewProblem(api.Unavailable, fmt.Sprintf("this is no node of Ephemera, or something stands before it: HTTP status %s", response.Status))
	}
	return p
}

func unverified(format string, args ...any) error {
	return api.WrapProblem(api.Unverified, fmt.Errorf(format, args...))
}

// SubmitEphemeraMessage implements api.API. That the node signed what it was given is checked.
func (c *Client) SubmitEphemeraMessage(ctx context.Context, s api.Submission) (api.Submitted, error) {
	if err := s.Check(); err != nil {
		return api.Submitted{}, err
	}
	if s.Payload == nil {
		s.Payload = []byte{}
	}
	var out api.Submitted
	if err := c.ask(ctx, http.MethodPost, api.PathSubmit, nil, s, &out); err != nil {
		return api.Submitted{}, err
	}
	if err := checkSubmitted(s, out); err != nil {
		return api.Submitted{}, err
	}
	return out, nil
}

func checkSubmitted(s api.Submission, out api.Submitted) error {
	if !s.NodeSigns() {
		m, err := s.Message()
		if err == nil && m.ID() != out.ID {
			err = unverified("the node took message %s for %s", m.ID(), out.ID)
		}
		return err
	}
	if out.Message == nil {
		return unverified("the node does not show the message that it signed")
	}
	m, err := out.Message.Canonical()
	switch {
	case err != nil:
		return unverified("the message that the node signed: %w", err)
	case m.ID() != out.ID || m.Label() != s.Label || !bytes.Equal(m.Payload(), s.Payload) || !m.Verify():
		return unverified("the node signed something else, or not at all")
	}
	return nil
}

// QueryBlockByHash implements api.API.
func (c *Client) QueryBlockByHash(ctx context.Context, id block.ID) (api.Block, error) {
	out, err := c.block(ctx, strings.Replace(api.PathBlock, "{hash}", id.String(), 1), nil)
	if err == nil && out.ID != id {
		return api.Block{}, unverified("asked for block %s, the node answers with %s", id, out.ID)
	}
	return out, err
}

// QueryBlockByHeight implements api.API.
func (c *Client) QueryBlockByHeight(ctx context.Context, q api.SlotQuery) (api.Block, error) {
	path := strings.Replace(api.PathBlockAt, "{height}", strconv.FormatUint(q.Height, 10), 1)
	out, err := c.block(ctx, path, chain(q.Creator, q.Group))
	if err == nil && (out.Height != q.Height || q.Creator != keys.Public{} && out.Creator != q.Creator) {
		return api.Block{}, unverified("asked for height %d, the node answers with %s/%d", q.Height, out.Creator.Short(), out.Height)
	}
	return out, err
}

// QueryLastBlock implements api.API.
func (c *Client) QueryLastBlock(ctx context.Context, q api.ChainQuery) (api.Block, error) {
	out, err := c.block(ctx, api.PathLastBlock, chain(q.Creator, q.Group))
	if err == nil && q.Creator != (keys.Public{}) && out.Creator != q.Creator {
		return api.Block{}, unverified("asked for a block of %s, the node answers with one of %s", q.Creator, out.Creator)
	}
	return out, err
}

func chain(creator keys.Public, group uint64) url.Values {
	query := url.Values{}
	setKey(query, "creator", creator)
	if group != 0 {
		query.Set("group", strconv.FormatUint(group, 10))
	}
	return query
}

func setKey(query url.Values, name string, key keys.Public) {
	if key != (keys.Public{}) {
		query.Set(name, key.String())
	}
}

// block asks for a block and checks it.
func (c *Client) block(ctx context.Context, path string, query url.Values) (api.Block, error) {
	var out api.Block
	if err := c.ask(ctx, http.MethodGet, path, query, nil, &out); err != nil {
		return api.Block{}, err
	}
	if err := whole(out); err != nil {
		return api.Block{}, err
	}
	if len(c.groups) == 0 {
		return out, nil
	}
	certificate, err := c.QueryBlockCertificates(ctx, out.ID)
	if err != nil {
		return api.Block{}, fmt.Errorf("certificate of block %s: %w", out.ID, err)
	}
	return out, c.certified(api.Entry{Block: out, Certificate: certificate})
}

// whole tells whether a block's ID is that of its header, and its messages those of its root.
func whole(b api.Block) error {
	canonical, err := b.Canonical()
	switch {
	case err != nil:
		return unverified("block: %w", err)
	case b.Pruned && len(b.Messages) == 0:
		return nil
	case block.Root(canonical.MessageIDs()) != canonical.Header.Root || len(b.Messages) != int(b.Count):
		return unverified("the messages of block %s are not those of its header", b.ID)
	}
	return nil
}

// certified tells whether an entry proves its block certified in a trusted group. Nothing is asked
// of callers that trust none.
func (c *Client) certified(e api.Entry) error {
	if len(c.groups) == 0 {
		return nil
	}
	group, ok := c.groups[e.Block.Group]
	if !ok {
		return unverified("block %s is of group %s, which is none of the trusted ones", e.Block.ID, e.Block.Group)
	}
	if err := e.Verify(group); err != nil {
		return unverified("block %s: %w", e.Block.ID, err)
	}
	return nil
}
