package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/server"
)

// refusal returns the problem with which the contract refuses a request.
func (w *world) refusal(host, method, path, contentType, body string) contract.Problem {
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.URL()+path, strings.NewReader(body))
	require.NoError(w.t, err)
	if host != "" {
		r.Host = host
	}
	r.Header.Set("Content-Type", contentType)
	answer := w.do(r)
	text, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	var p contract.Problem
	require.NoError(w.t, json.Unmarshal(text, &p), "%d %s", answer.StatusCode, text)
	require.Equal(w.t, p.Status, answer.StatusCode)
	return p
}

func TestForeignHostReadsAndChangesNothing(t *testing.T) {
	cfg := enrolling(t, 2)
	cfg.Hosts = []string{"contract"}
	w := start(t, cfg)
	const evil = "evil.example"
	for _, path := range []string{"/", "/style.css", "/none", contract.PathEpoch, contract.PathPeerInfo, contract.PathEpochs, contract.EpochPath(1), contract.BundlePath(1)} {
		p := w.refusal(evil, http.MethodGet, path, "", "")
		require.Equal(t, contract.WrongHost, p.Kind(), path)
		require.Contains(t, p.Detail, "--host", path)
	}
	body, err := json.Marshal(contract.EnrolRequest{Enrolment: w.enrolment(1, "a", 1), Token: cfg.Token})
	require.NoError(t, err)
	p := w.refusal(evil, http.MethodPost, contract.PathEnrol, "application/json", string(body))
	require.Equal(t, contract.WrongHost, p.Kind())
	p = w.refusal(evil, http.MethodPost, contract.PathSubmit, contract.ContentType, "x")
	require.Equal(t, contract.WrongHost, p.Kind())
	for _, path := range []string{contract.PathLive, contract.PathReady} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL()+path, nil)
		require.NoError(t, err)
		r.Host = evil
		require.Equal(t, http.StatusOK, w.do(r).StatusCode, path)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+contract.PathEnrol, bytes.NewReader(body))
	require.NoError(t, err)
	r.Host = "contract:8080"
	r.Header.Set("Content-Type", "application/json")
	require.Equal(t, http.StatusOK, w.do(r).StatusCode)

	cfg.Hosts = []string{"http://contract"}
	require.ErrorIs(t, cfg.Validate(), server.ErrConfig)
}

func TestRequestsThatWouldBeReadInPartAreRefused(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	for _, path := range []string{
		contract.PathEpochs + "?from=2;limit=1", contract.PathEpochs + "?limit=1&limit=2", contract.PathEpochs + "?x=%ff", contract.PathEpochs + "/%ff", "/%c3%28", "/?;",
	} {
		p := w.refusal("", http.MethodGet, path, "", "")
		require.Equal(t, contract.Malformed, p.Kind(), path)
	}
	for _, name := range []string{"a\xff", `a\ud800`} {
		p := w.refusal("", http.MethodPost, contract.PathEnrol, "application/json", `{"name":"`+name+`"}`)
		require.Equal(t, contract.Malformed, p.Kind())
		require.Contains(t, p.Detail, "Unicode")
	}
}
