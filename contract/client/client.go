// Package client asks the simulated smart contract over HTTP. Every call is one request with a
// deadline; refusals are *contract.Problem, so that callers branch with errors.Is(err,
// contract.Decided) and errors.As, and learn when to come back from RetryAfter. It retries nothing
// and keeps no state: whoever embeds it knows better when a result is worth another try. The
// values: package contract.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
)

var (
	// ErrURL reports an address that no contract can have.
	ErrURL = errors.New("bad address of the contract")
	// ErrAnswer reports an answer that no contract gives: another program listens there.
	ErrAnswer = errors.New("not an answer of a contract")
	// ErrAway reports that no answer came; trying again may help.
	ErrAway = errors.New("the contract does not answer")
)

// DefaultTimeout bounds a request whose context has no earlier deadline.
const DefaultTimeout = 30 * time.Second

// maxJSON bounds an answer in JSON: an epoch's details about 100,000 mixnodes.
const maxJSON = 32 << 20

// Client asks one contract. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// New returns a client of the contract at address, such as http://127.0.0.1:8080. A nil transport
// is one of its own.
func New(address string, transport http.RoundTripper) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: %q, expected such as http://127.0.0.1:8080", ErrURL, address)
	}
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}
	}
	return &Client{base: strings.TrimSuffix(address, "/"), http: &http.Client{Transport: transport, Timeout: DefaultTimeout}}, nil
}

// URL returns the contract's address.
func (c *Client) URL() string { return c.base }

// Close closes idle connections. The client may be used again after it.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Epoch returns the newest epoch. Until all members have enrolled the error is contract.NotStarted.
func (c *Client) Epoch(ctx context.Context) (contract.CurrentEpoch, error) {
	return get[contract.CurrentEpoch](ctx, c, contract.PathEpoch)
}

// PeerInfo returns the members, and the group once it is closed.
func (c *Client) PeerInfo(ctx context.Context) (contract.PeerInfo, error) {
	return get[contract.PeerInfo](ctx, c, contract.PathPeerInfo)
}

// Epochs returns at most limit epochs with numbers up to from (0: the newest), newest first. A
// limit of 0 leaves it to the contract.
func (c *Client) Epochs(ctx context.Context, from contract.Epoch, limit int) ([]contract.EpochSummary, error) {
	query := url.Values{}
	if from > 0 {
		query.Set("from", from.String())
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	path := contract.PathEpochs
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	list, err := get[contract.Epochs](ctx, c, path)
	return list.Epochs, err
}

// EpochDetail returns everything about an epoch. The error is contract.NotFound before it begins.
func (c *Client) EpochDetail(ctx context.Context, epoch contract.Epoch) (contract.EpochDetail, error) {
	return get[contract.EpochDetail](ctx, c, contract.EpochPath(epoch))
}

// Description returns the description of an epoch that has begun or is scheduled.
func (c *Client) Description(ctx context.Context, epoch contract.Epoch) (contract.Description, error) {
	detail, err := c.EpochDetail(ctx, epoch)
	if err != nil {
		return contract.Description{}, err
	}
	if detail.Description.Epoch != epoch {
		return contract.Description{}, fmt.Errorf("%w: description of epoch %d instead of %d", ErrAnswer, detail.Description.Epoch, epoch)
	}
	return detail.Description, nil
}

// Ready returns nil once the contract answers requests.
func (c *Client) Ready(ctx context.Context) error {
	_, err := get[struct{}](ctx, c, contract.PathReady)
	return err
}

// Submit posts a submission and returns the receipt, whose signature it has checked against the
// contract that the submission names.
func (c *Client) Submit(ctx context.Context, s contract.Submission) (contract.Receipt, error) {
	var receipt contract.Receipt
	if err := c.call(ctx, http.MethodPost, contract.PathSubmit, contract.ContentType, s.Encode(), &receipt); err != nil {
		return contract.Receipt{}, err
	}
	if receipt.Contract != s.Contract || receipt.Epoch != s.Epoch || !receipt.Verify() {
		return contract.Receipt{}, fmt.Errorf("%w: receipt for epoch %d is not signed by contract %s", ErrAnswer, s.Epoch, s.Contract)
	}
	return receipt, nil
}

// Enrol posts a signed enrolment with the token.
func (c *Client) Enrol(ctx context.Context, e contract.Enrolment, token string) (contract.EnrolAnswer, error) {
	body, err := json.Marshal(contract.EnrolRequest{Enrolment: e, Token: token})
	if err != nil {
		return contract.EnrolAnswer{}, fmt.Errorf("encode enrolment: %w", err)
	}
	var answer contract.EnrolAnswer
	err = c.call(ctx, http.MethodPost, contract.PathEnrol, "application/json", body, &answer)
	return answer, err
}

// Bundle returns the evidence of a rewarded epoch, for verify.Audit. Its bytes are as the contract
// sent them.
func (c *Client) Bundle(ctx context.Context, epoch contract.Epoch) (contract.Bundle, error) {
	answer, err := c.do(ctx, http.MethodGet, contract.BundlePath(epoch), "", nil)
	if err != nil {
		return contract.Bundle{}, err
	}
	defer answer.Body.Close()
	body, err := read(answer, contract.MaxBundleBytes)
	if err != nil {
		return contract.Bundle{}, err
	}
	return contract.DecodeBundle(body)
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var value T
	err := c.call(ctx, http.MethodGet, path, "", nil, &value)
	return value, err
}

// call makes a request and decodes its answer in JSON.
func (c *Client) call(ctx context.Context, method, path, contentType string, body []byte, into any) error {
	answer, err := c.do(ctx, method, path, contentType, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := read(answer, maxJSON)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w: %s %s: %w", ErrAnswer, method, path, err)
	}
	return nil
}

// do makes a request and returns an answer of status 200, or the error that another one means.
func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, problemOf(answer)
}

func problemOf(answer *http.Response) error {
	data, err := read(answer, maxJSON)
	if err != nil {
		return err
	}
	mediaType, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")) // of what cannot be parsed it is ""
	var problem contract.Problem
	if mediaType != contract.ProblemType || json.Unmarshal(data, &problem) != nil || problem.Status != answer.StatusCode {
		return fmt.Errorf("%w: status %s without a problem document", ErrAnswer, answer.Status)
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && problem.RetryAfterMS == 0 && seconds > 0 {
		problem.RetryAfterMS = int64(seconds) * 1000
	}
	return &problem
}

func read(answer *http.Response, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%w: more than %d bytes", ErrAnswer, limit)
	}
	return data, nil
}
