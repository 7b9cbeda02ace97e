// Package client calls a node over HTTP. Its Client implements api.API and behaves like the API in
// the node's process. It checks the responses: that a block is the requested one, that a proof
// holds and, if the caller names the groups it trusts, that blocks are certified.
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

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Options configures a client. The zero values are the defaults.
type Options struct {
	Token string // bearer token, needed to have the node sign for callers on other machines
	// Groups are the groups that the caller trusts. If there are any, every block must be certified in
	// one of them. Otherwise the error is of kind api.Unverified.
	Groups  []*membership.Group
	Timeout time.Duration     // of one request, 30 s; subscriptions last as long as their context
	HTTP    http.RoundTripper // nil: the client makes its own transport
}

// Client calls one node. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	options Options
	http    *http.Client
	groups  map[membership.ID]*membership.Group
}

var _ api.API = (*Client)(nil)

// New returns a client of the node at a URL such as http://127.0.0.1:7100. It does not connect yet.
func New(text string, options Options) (*Client, error) {
	base, err := address.ParseURL(text)
	if err != nil {
		return nil, fmt.Errorf("address of the node: %w", err)
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

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// maxResponse bounds a response: the largest block of any group, in JSON.
const maxResponse = 128 << 20

// call makes a request and decodes the response into out, unless out is nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body, out any) error {
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
	data, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err != nil {
		return api.WrapProblem(api.Unavailable, err)
	}
	if response.StatusCode/100 != 2 && !(path == api.PathReady && response.StatusCode == http.StatusServiceUnavailable) {
		return problemOf(response, data)
	}
	if out == nil {
		return nil
	}
	if err := jsontext.Unmarshal(data, out); err != nil {
		return unverified("response to %s %s: %w", method, path, err)
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

// problemOf returns the problem in the response to a request that failed.
func problemOf(response *http.Response, body []byte) error {
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	p := &api.Problem{}
	if err != nil || kind != api.ProblemType || jsontext.Unmarshal(body, p) != nil {
		return api.NewProblem(api.Unavailable, fmt.Sprintf("not an Ephemera node, or a proxy answered: HTTP status %s", response.Status))
	}
	return p
}

func unverified(format string, args ...any) error {
	return api.WrapProblem(api.Unverified, fmt.Errorf(format, args...))
}

// SubmitEphemeraMessage implements api.API. It checks that the node signed what it was given.
func (c *Client) SubmitEphemeraMessage(ctx context.Context, s api.Submission) (api.Submitted, error) {
	if err := s.Check(); err != nil {
		return api.Submitted{}, err
	}
	if s.Payload == nil {
		s.Payload = []byte{}
	}
	var out api.Submitted
	if err := c.call(ctx, http.MethodPost, api.PathSubmit, nil, s, &out); err != nil {
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
			err = unverified("submitted message %s, the node accepted %s", m.ID(), out.ID)
		}
		return err
	}
	if out.Message == nil {
		return unverified("the node did not return the message it signed")
	}
	m, err := out.Message.Canonical()
	switch {
	case err != nil:
		return unverified("message signed by the node: %w", err)
	case m.ID() != out.ID || m.Label() != s.Label || !bytes.Equal(m.Payload(), s.Payload) || !m.Verify():
		return unverified("the node signed another message, or its signature is invalid")
	}
	return nil
}

// QueryBlockByHash implements api.API.
func (c *Client) QueryBlockByHash(ctx context.Context, id block.ID) (api.Block, error) {
	out, err := c.requestBlock(ctx, strings.Replace(api.PathBlock, "{hash}", id.String(), 1), nil)
	if err == nil && out.ID != id {
		return api.Block{}, unverified("requested block %s, the node returned %s", id, out.ID)
	}
	return out, err
}

// QueryBlockByHeight implements api.API.
func (c *Client) QueryBlockByHeight(ctx context.Context, q api.SlotQuery) (api.Block, error) {
	path := strings.Replace(api.PathBlockAt, "{height}", strconv.FormatUint(q.Height, 10), 1)
	out, err := c.requestBlock(ctx, path, chainQuery(q.Creator, q.Group))
	if err == nil && (out.Height != q.Height || q.Creator != keys.Public{} && out.Creator != q.Creator) {
		return api.Block{}, unverified("requested height %d, the node returned %s/%d", q.Height, out.Creator.Short(), out.Height)
	}
	return out, err
}

// QueryLastBlock implements api.API.
func (c *Client) QueryLastBlock(ctx context.Context, q api.ChainQuery) (api.Block, error) {
	out, err := c.requestBlock(ctx, api.PathLastBlock, chainQuery(q.Creator, q.Group))
	if err == nil && q.Creator != (keys.Public{}) && out.Creator != q.Creator {
		return api.Block{}, unverified("requested a block of %s, the node returned one of %s", q.Creator, out.Creator)
	}
	return out, err
}

func chainQuery(creator keys.Public, group uint64) url.Values {
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

// requestBlock requests a block and checks it.
func (c *Client) requestBlock(ctx context.Context, path string, query url.Values) (api.Block, error) {
	var out api.Block
	if err := c.call(ctx, http.MethodGet, path, query, nil, &out); err != nil {
		return api.Block{}, err
	}
	if err := checkContent(out); err != nil {
		return api.Block{}, err
	}
	if len(c.groups) == 0 {
		return out, nil
	}
	certificate, err := c.QueryBlockCertificates(ctx, out.ID)
	if err != nil {
		return api.Block{}, fmt.Errorf("certificate of block %s: %w", out.ID, err)
	}
	return out, c.checkCertified(api.Entry{Block: out, Certificate: certificate})
}

// checkContent returns nil if a block's ID matches its header and its messages match its root.
func checkContent(b api.Block) error {
	canonical, err := b.Canonical()
	switch {
	case err != nil:
		return unverified("block: %w", err)
	case b.Pruned && len(b.Messages) == 0:
		return nil
	case block.Root(canonical.MessageIDs()) != canonical.Header.Root || len(b.Messages) != int(b.Count):
		return unverified("the messages of block %s do not match its header", b.ID)
	}
	return nil
}

// checkCertified returns nil if an entry proves that its block is certified in a trusted group, or
// if the caller named no groups.
func (c *Client) checkCertified(e api.Entry) error {
	if len(c.groups) == 0 {
		return nil
	}
	group, ok := c.groups[e.Block.Group]
	if !ok {
		return unverified("block %s is of group %s, which is not trusted", e.Block.ID, e.Block.Group)
	}
	if err := e.Verify(group); err != nil {
		return unverified("block %s: %w", e.Block.ID, err)
	}
	return nil
}
