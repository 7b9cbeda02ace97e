package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
)

// quiet is a node that accepts everything.
type quiet struct{ api.API }

func (quiet) SubmitEphemeraMessage(_ context.Context, s api.Submission) (api.Submitted, error) {
	if err := s.Check(); err != nil {
		return api.Submitted{}, err
	}
	_, err := s.Message()
	return api.Submitted{ID: block.MessageID{1}}, err
}

func (quiet) VerifyMessageInBlock(context.Context, api.InclusionQuery) (api.Inclusion, error) {
	return api.Inclusion{}, nil
}

func (quiet) StoreInDHT(context.Context, string, []byte) error { return nil }

// FuzzBodies posts arbitrary bodies. No response may have a status of 500 or more.
func FuzzBodies(f *testing.F) {
	s, err := New(quiet{}, Config{RequestsPerSecond: 1 << 30})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	for _, seed := range []string{
		`{"label":"l","payload":"aGVsbG8="}`, `{"label":"l","payload":"","network":"n","sender":"12D3KooW","time":1,"signature":"00"}`,
		`{"block":"00","message":"00"}`, `{"key":"k","value":""}`, `{"label":null,"payload":{}}`, `[]`, `null`, `"`, "\xff", `{"label":"l","label":"m"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{api.PathSubmit, api.PathVerify, api.PathDHTStore} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(string(body)))
			r.Header.Set("Content-Type", "application/json")
			r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
			answer := httptest.NewRecorder()
			s.handler.ServeHTTP(answer, r)
			if answer.Code >= 500 {
				t.Fatalf("%s answers %d %s", path, answer.Code, answer.Body)
			}
		}
	})
}

// FuzzQueries parses arbitrary queries.
func FuzzQueries(f *testing.F) {
	for _, seed := range []string{"from=1&filter=own", "creator=12D3KooW&label=l", "from=-1", "from=99999999999999999999", "from=9007199254740991", "from=9007199254740992", "%zz", "a=b&a=c", "=&&;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: api.PathSubscribe, RawQuery: query}}
		wanted, err := parseSubscription(r)
		if err == nil && wanted.From != api.Now && wanted.From > canonical.MaxNumber {
			t.Fatalf("cursor %d", wanted.From)
		}
	})
}
