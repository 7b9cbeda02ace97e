package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// QueryBlockCertificates implements api.API. If the caller named groups it trusts, the certificate
// must verify in one of them.
func (c *Client) QueryBlockCertificates(ctx context.Context, id block.ID) (api.Certificate, error) {
	var out api.Certificate
	if err := c.call(ctx, http.MethodGet, strings.Replace(api.PathCertificates, "{hash}", id.String(), 1), nil, nil, &out); err != nil {
		return api.Certificate{}, err
	}
	if _, err := out.Canonical(); err != nil {
		return api.Certificate{}, unverified("certificate: %w", err)
	}
	if out.Header.ID != id {
		return api.Certificate{}, unverified("requested the certificate of block %s, the node returned that of %s", id, out.Header.ID)
	}
	if len(c.groups) == 0 {
		return out, nil
	}
	group, ok := c.groups[out.Header.Group]
	if !ok {
		return api.Certificate{}, unverified("block %s is of group %s, which is not trusted", id, out.Header.Group)
	}
	if err := out.Verify(group); err != nil {
		return api.Certificate{}, unverified("certificate of block %s: %w", id, err)
	}
	return out, nil
}

// QueryBlockBroadcastInfo implements api.API.
func (c *Client) QueryBlockBroadcastInfo(ctx context.Context, id block.ID) (api.BroadcastInfo, error) {
	var out api.BroadcastInfo
	err := c.call(ctx, http.MethodGet, strings.Replace(api.PathBroadcastInfo, "{hash}", id.String(), 1), nil, nil, &out)
	return out, err
}

// ListBlocks implements api.API.
func (c *Client) ListBlocks(ctx context.Context, q api.ListQuery) (api.BlockPage, error) {
	query := url.Values{"from": {strconv.FormatUint(uint64(q.From), 10)}}
	setKey(query, "creator", q.Creator)
	if q.Limit != 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	var out api.BlockPage
	if err := c.call(ctx, http.MethodGet, api.PathBlocks, query, nil, &out); err != nil {
		return api.BlockPage{}, err
	}
	last := q.From
	for _, e := range out.Blocks {
		if e.Cursor <= last {
			return api.BlockPage{}, unverified("the node repeated cursor %d", e.Cursor)
		}
		last = e.Cursor
		if err := errors.Join(checkContent(e.Block), c.checkCertified(e)); err != nil {
			return api.BlockPage{}, err
		}
	}
	return out, nil
}

// VerifyMessageInBlock implements api.API. It checks the proof and, if the caller named groups it
// trusts, that the block is certified.
func (c *Client) VerifyMessageInBlock(ctx context.Context, q api.InclusionQuery) (api.Inclusion, error) {
	var out api.Inclusion
	if err := c.call(ctx, http.MethodPost, api.PathVerify, nil, q, &out); err != nil {
		return api.Inclusion{}, err
	}
	if err := out.Verify(q); err != nil {
		return api.Inclusion{}, unverified("proof: %w", err)
	}
	if len(c.groups) > 0 {
		if _, err := c.QueryBlockCertificates(ctx, q.Block); err != nil {
			return api.Inclusion{}, err
		}
	}
	return out, nil
}

// QueryBroadcastGroup implements api.API. It checks that the ID matches the members. Whether to
// trust them is up to the caller.
func (c *Client) QueryBroadcastGroup(ctx context.Context, q api.GroupQuery) (api.Group, error) {
	query := url.Values{}
	if q.Number != 0 {
		query.Set("number", strconv.FormatUint(q.Number, 10))
	} else if q.ID != (membership.ID{}) {
		query.Set("id", q.ID.String())
	}
	var out api.Group
	if err := c.call(ctx, http.MethodGet, api.PathGroup, query, nil, &out); err != nil {
		return api.Group{}, err
	}
	if _, err := out.Canonical(); err != nil {
		return api.Group{}, unverified("group: %w", err)
	}
	if q.Number != 0 && out.Number != q.Number || q.Number == 0 && q.ID != (membership.ID{}) && out.ID != q.ID {
		return api.Group{}, unverified("the node returned another group: %d", out.Number)
	}
	return out, nil
}

// Evidence implements api.API. It checks every proof.
func (c *Client) Evidence(ctx context.Context) ([]api.Evidence, error) {
	var out struct {
		Evidence []api.Evidence `json:"evidence"`
	}
	if err := c.call(ctx, http.MethodGet, api.PathEvidence, nil, nil, &out); err != nil {
		return nil, err
	}
	for _, e := range out.Evidence {
		if err := e.Verify(); err != nil {
			return nil, unverified("evidence: %w", err)
		}
	}
	return out.Evidence, nil
}

// Forks implements api.API. It checks every proof. If the caller named groups it trusts, the fork
// must be in one of them.
func (c *Client) Forks(ctx context.Context) ([]api.Fork, error) {
	var out struct {
		Forks []api.Fork `json:"forks"`
	}
	if err := c.call(ctx, http.MethodGet, api.PathForks, nil, nil, &out); err != nil {
		return nil, err
	}
	for _, f := range out.Forks {
		group, err := f.OfGroup()
		if err != nil {
			return nil, unverified("fork: %w", err)
		}
		if _, trusted := c.groups[f.Group]; len(c.groups) > 0 && !trusted {
			return nil, unverified("fork in group %s, which is not trusted", f.Group)
		}
		if err := f.Verify(group); err != nil {
			return nil, unverified("fork: %w", err)
		}
	}
	return out.Forks, nil
}

// QueryDHT implements api.API.
func (c *Client) QueryDHT(ctx context.Context, key string) ([]byte, error) {
	if key == "" {
		return nil, api.NewProblem(api.Invalid, "the key is empty")
	}
	var out api.DHTEntry
	err := c.call(ctx, http.MethodGet, strings.Replace(api.PathDHTQuery, "{key}", url.PathEscape(key), 1), nil, nil, &out)
	return out.Value, err
}

// StoreInDHT implements api.API.
func (c *Client) StoreInDHT(ctx context.Context, key string, value []byte) error {
	return c.call(ctx, http.MethodPost, api.PathDHTStore, nil, api.DHTEntry{Key: key, Value: append([]byte{}, value...)}, nil)
}

// QueryEphemeraConfig implements api.API.
func (c *Client) QueryEphemeraConfig(ctx context.Context) (api.NodeConfig, error) {
	var out api.NodeConfig
	err := c.call(ctx, http.MethodGet, api.PathConfig, nil, nil, &out)
	return out, err
}

// Health implements api.API.
func (c *Client) Health(ctx context.Context) (api.Health, error) {
	var out api.Health
	err := c.call(ctx, http.MethodGet, api.PathHealth, nil, nil, &out)
	return out, err
}
