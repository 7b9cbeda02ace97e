package client_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
)

// answering returns a client of a server that gives the same response to every request.
func answering(t *testing.T, status int, header map[string]string, body string) *client.Client {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client reads it
	}))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL+"/", nil)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestProblemsAreTyped(t *testing.T) {
	c := answering(t, 503, map[string]string{"Content-Type": contract.ProblemType + "; charset=utf-8", "Retry-After": "7"},
		`{"type":"urn:nym-rewarding:problem:earlier-epoch-open","title":"later","status":503,"epoch":4}`)
	_, err := c.Submit(context.Background(), contracttest.Submission(contracttest.Description(1, 1), 1))
	require.ErrorIs(t, err, contract.EarlierOpen)
	var p *contract.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, 7*time.Second, p.RetryAfter())
	require.Equal(t, contract.Epoch(4), p.Epoch)
}

func TestResponsesOfOtherProgramsAreErrors(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]*client.Client{
		"HTML with 200":       answering(t, 200, nil, "<html>"),
		"HTML with 500":       answering(t, 500, map[string]string{"Content-Type": "text/html"}, "<html>"),
		"another status":      answering(t, 500, map[string]string{"Content-Type": contract.ProblemType}, `{"status":409,"type":"urn:nym-rewarding:problem:already-decided"}`),
		"a truncated problem": answering(t, 409, map[string]string{"Content-Type": contract.ProblemType}, `{"status":409`),
		"no body":             answering(t, 204, nil, ""),
	} {
		_, err := c.Epoch(ctx)
		require.ErrorIs(t, err, client.ErrAnswer, name)
	}
}

func TestReceiptOfAnotherContractIsAnError(t *testing.T) {
	d := contracttest.Description(1, 1)
	s := contracttest.Submission(d, 1)
	c := answering(t, 200, nil, `{"network":"`+d.Network+`","contract_key":"`+hexOf(contracttest.Key(5).Public())+`","epoch":1,"block":"`+contract.Hash{}.String()+
		`","description":"`+d.Hash().String()+`","rewards":"`+contract.Hash{}.String()+`","submitter":"`+hexOf(s.Submitter)+`","accepted_at":"2026-01-01T00:00:00.000Z","signature":"`+contract.Hash{}.String()+contract.Hash{}.String()+`"}`)
	_, err := c.Submit(context.Background(), s)
	require.ErrorIs(t, err, client.ErrAnswer)
	require.ErrorContains(t, err, "is not signed by contract")
}

func TestReceiptForAnotherEpochIsAnError(t *testing.T) {
	signed := contract.Receipt{Network: contracttest.Network, Epoch: 2, AcceptedAt: 5}.Sign(contracttest.ContractKey())
	unsigned := signed
	unsigned.AcceptedAt++
	for name, given := range map[string]struct {
		receipt contract.Receipt
		asked   contract.Epoch
		valid   bool
	}{
		"the one": {signed, 2, true}, "another epoch": {signed, 1, false}, "not signed": {unsigned, 2, false},
	} {
		body, err := json.Marshal(given.receipt)
		require.NoError(t, err)
		got, err := answering(t, 200, nil, string(body)).Receipt(context.Background(), given.asked)
		if !given.valid {
			require.ErrorIs(t, err, client.ErrAnswer, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, given.receipt, got, name)
	}
}

func hexOf(key [32]byte) string { return contract.Hash(key).String() }

func TestContextEndsARequest(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	c, err := client.New(server.URL, nil)
	require.NoError(t, err)
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = c.Epoch(ctx)
	require.ErrorIs(t, err, client.ErrAway)
	require.ErrorIs(t, err, context.Canceled)
}
