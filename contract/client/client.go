// Package client calls the simulated smart contract over HTTP. Every call is one request with a
// deadline. If the contract refuses a request the error is a *contract.Problem: callers branch with
// errors.Is(err, contract.Decided) or errors.As, and RetryAfter says when to try again. The client
// keeps no state and retries nothing, because only its caller knows when another try is useful.
// Package contract has the types of requests and responses.
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
	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

var (
	// ErrURL reports an invalid address of the contract.
	ErrURL = errors.New("bad address of the contract")
	// ErrAnswer reports a response that is not from a contract: another program listens there.
	ErrAnswer = errors.New("not a response of a contract")
	// ErrAway reports that there was no response. Trying again may help.
	ErrAway = errors.New("the contract does not respond")
)

// DefaultTimeout bounds a request whose context has no earlier deadline.
const DefaultTimeout = 30 * time.Second

// maxJSON bounds a JSON response: the details of an epoch with 100,000 mixnodes.
const maxJSON = 32 << 20

// Client calls one contract. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// New returns a client of the contract at a URL such as http://127.0.0.1:8080. If transport is nil,
// the client creates its own.
func New(base string, transport http.RoundTripper) (*Client, error) {
	u, err := address.ParseURL(base)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%w: %.200q has a query or a fragment, expected a URL such as http://127.0.0.1:8080", ErrURL, base)
	}
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}
	}
	return &Client{base: strings.TrimSuffix(base, "/"), http: &http.Client{Transport: transport, Timeout: DefaultTimeout}}, nil
}

// URL returns the contract's address.
func (c *Client) URL() string { return c.base }

// Close closes idle connections. The client may be used afterwards.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Epoch returns the newest epoch. The error is contract.NotStarted until all members have enrolled.
func (c *Client) Epoch(ctx context.Context) (contract.CurrentEpoch, error) {
	return get[contract.CurrentEpoch](ctx, c, contract.PathEpoch)
}

// PeerInfo returns the members, and the group once it is complete.
func (c *Client) PeerInfo(ctx context.Context) (contract.PeerInfo, error) {
	return get[contract.PeerInfo](ctx, c, contract.PathPeerInfo)
}

// Epochs returns at most limit epochs with numbers up to from, newest first. A from of 0 means the
// newest epoch, a limit of 0 the contract's default.
func (c *Client) Epochs(ctx context.Context, from contract.Epoch, limit int) ([]contract.EpochSummary, error) {
	list, err := get[contract.Epochs](ctx, c, contract.PathEpochs+page(from, limit))
	return list.Epochs, err
}

// page returns the query for at most limit epochs with numbers up to from.
func page(from contract.Epoch, limit int) string {
	query := url.Values{}
	if from > 0 {
		query.Set("from", from.String())
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// EpochDetail returns the details of an epoch. The error is contract.NotFound before it begins.
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
		return contract.Description{}, fmt.Errorf("%w: description of epoch %d, expected epoch %d", ErrAnswer, detail.Description.Epoch, epoch)
	}
	return detail.Description, nil
}

// Ready returns nil once the contract serves requests.
func (c *Client) Ready(ctx context.Context) error {
	_, err := get[struct{}](ctx, c, contract.PathReady)
	return err
}

// Submit posts a submission and returns the receipt. It checks that the contract that the
// submission names signed the receipt.
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

// Enrol posts a signed enrolment together with the token.
func (c *Client) Enrol(ctx context.Context, e contract.Enrolment, token string) (contract.EnrolAnswer, error) {
	body, err := json.Marshal(contract.EnrolRequest{Enrolment: e, Token: token})
	if err != nil {
		return contract.EnrolAnswer{}, fmt.Errorf("encode enrolment: %w", err)
	}
	var response contract.EnrolAnswer
	err = c.call(ctx, http.MethodPost, contract.PathEnrol, "application/json", body, &response)
	return response, err
}

// SubmitBatch posts what this Nym-API measured in the epoch in progress, to a contract in
// contract.ModePerformance. If the rules of package performance refuse it, the error is
// contract.BatchRefused, and its detail begins with the name of the rule.
func (c *Client) SubmitBatch(ctx context.Context, s contract.Submission) (contract.BatchAnswer, error) {
	var answer contract.BatchAnswer
	err := c.call(ctx, http.MethodPost, contract.PathBatch, contract.ContentType, s.Encode(), &answer)
	return answer, err
}

// Receipt returns the receipt of a rewarded epoch. It checks that the contract that the receipt
// names signed it; the caller compares that contract with the one it knows. The error is
// contract.NotFound, with the epoch, while the epoch has no winner.
func (c *Client) Receipt(ctx context.Context, epoch contract.Epoch) (contract.Receipt, error) {
	receipt, err := get[contract.Receipt](ctx, c, contract.ReceiptPath(epoch))
	if err != nil {
		return contract.Receipt{}, err
	}
	if receipt.Epoch != epoch || !receipt.Verify() {
		return contract.Receipt{}, fmt.Errorf("%w: receipt for epoch %d, expected a signed one for epoch %d", ErrAnswer, receipt.Epoch, epoch)
	}
	return receipt, nil
}

// Record returns the record of a settled epoch. It checks that the contract that the record names
// signed it; the caller compares that contract with the one it knows. The error is
// contract.NotFound, with the epoch, while the epoch is open.
func (c *Client) Record(ctx context.Context, epoch contract.Epoch) (contract.Record, error) {
	record, err := get[contract.Record](ctx, c, contract.RecordPath(epoch))
	if err != nil {
		return contract.Record{}, err
	}
	if err := record.Validate(); err != nil || record.Epoch != epoch || !record.Verify() {
		return contract.Record{}, fmt.Errorf("%w: record of epoch %d, expected a valid and signed one of epoch %d", ErrAnswer, record.Epoch, epoch)
	}
	return record, nil
}

// Core returns the evidence of a settled epoch, for verify.Audit. The error is contract.NotFound
// while the epoch is open.
func (c *Client) Core(ctx context.Context, epoch contract.Epoch) (contract.Core, error) {
	body, err := c.file(ctx, contract.BundlePath(epoch), contract.MaxCoreBytes)
	if err != nil {
		return contract.Core{}, err
	}
	return contract.DecodeCore(body)
}

// Annex returns what the contract received about an epoch in addition to the winner. It checks that
// the contract that the annex names signed it; the caller compares that contract with the one it
// knows, and opens the annex together with its core. The error is contract.NotClosed, with the time
// to wait, until the epoch has closed.
func (c *Client) Annex(ctx context.Context, epoch contract.Epoch) (contract.Annex, error) {
	body, err := c.file(ctx, contract.AnnexPath(epoch), contract.MaxAnnexBytes)
	if err != nil {
		return contract.Annex{}, err
	}
	annex, err := contract.DecodeAnnex(body)
	if err != nil {
		return contract.Annex{}, err
	}
	if annex.Epoch != epoch || !annex.Verify() {
		return contract.Annex{}, fmt.Errorf("%w: annex of epoch %d, expected a signed one of epoch %d", ErrAnswer, annex.Epoch, epoch)
	}
	return annex, nil
}

// file returns the body of a response that is not JSON.
func (c *Client) file(ctx context.Context, path string, limit int64) ([]byte, error) {
	response, err := c.do(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return read(response, limit)
}

// Matrix returns what was reported and paid in a rewarded epoch. The error is contract.NotFound,
// with the epoch, while the epoch is not rewarded.
func (c *Client) Matrix(ctx context.Context, epoch contract.Epoch) (contract.EpochMatrix, error) {
	return get[contract.EpochMatrix](ctx, c, contract.MatrixPath(epoch))
}

// Reporters returns how far each Nym-API was from the results of all epochs, and who was caught.
func (c *Client) Reporters(ctx context.Context) (contract.Reporters, error) {
	return get[contract.Reporters](ctx, c, contract.PathReporters)
}

// Mixnode returns what was reported about a mixnode in at most limit rewarded epochs with numbers
// up to from, newest first. A from of 0 means the newest epoch, a limit of 0 the contract's
// default. The error is contract.NotFound if the mixnode is in no such epoch.
func (c *Client) Mixnode(ctx context.Context, mixnode metrics.MixID, from contract.Epoch, limit int) (contract.MixnodeReports, error) {
	return get[contract.MixnodeReports](ctx, c, contract.MixnodePath(mixnode)+page(from, limit))
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var value T
	err := c.call(ctx, http.MethodGet, path, "", nil, &value)
	return value, err
}

// call sends a request and decodes the JSON of the response.
func (c *Client) call(ctx context.Context, method, path, contentType string, body []byte, into any) error {
	response, err := c.do(ctx, method, path, contentType, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := read(response, maxJSON)
	if err != nil {
		return err
	}
	if err := jsontext.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w: %s %s: %w", ErrAnswer, method, path, err)
	}
	return nil
}

// do sends a request and returns the response if its status is 200. Any other status is an error.
func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	return nil, problemOf(response)
}

func problemOf(response *http.Response) error {
	data, err := read(response, maxJSON)
	if err != nil {
		return err
	}
	mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")) // "" if invalid
	var problem contract.Problem
	if mediaType != contract.ProblemType || jsontext.Unmarshal(data, &problem) != nil || problem.Status != response.StatusCode {
		return fmt.Errorf("%w: status %s without a problem document", ErrAnswer, response.Status)
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && problem.RetryAfterMS == 0 && seconds > 0 {
		problem.RetryAfterMS = int64(seconds) * 1000
	}
	return &problem
}

func read(response *http.Response, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%w: more than %d bytes", ErrAnswer, limit)
	}
	return data, nil
}
