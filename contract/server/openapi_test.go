package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// validating is a transport that checks every response against the served description.
type validating struct {
	t      *testing.T
	router routers.Router
	next   *http.Transport
	seen   map[string]bool // operation and status
}

func newValidating(t *testing.T, w *world, seen map[string]bool) *validating {
	answer, body := w.get(http.MethodGet, contract.PathOpenAPI)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "application/openapi+json", answer.Header.Get("Content-Type"))
	document, err := openapi3.NewLoader().LoadFromData(body)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(document.OpenAPI, "3.1"))
	document.Servers = openapi3.Servers{{URL: w.URL()}}
	router, err := legacy.NewRouter(document)
	require.NoError(t, err)
	v := &validating{t: t, router: router, next: &http.Transport{}, seen: seen}
	t.Cleanup(v.next.CloseIdleConnections)
	return v
}

func (v *validating) RoundTrip(r *http.Request) (*http.Response, error) {
	route, parameters, err := v.router.FindRoute(r)
	require.NoError(v.t, err, "%s %s is not described", r.Method, r.URL)
	answer, err := v.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	require.NoError(v.t, err)
	require.NoError(v.t, answer.Body.Close())
	answer.Body = io.NopCloser(bytes.NewReader(body))
	require.NoError(v.t, matches(r, route, parameters, answer, body), "%s %s answers %d %s", r.Method, r.URL, answer.StatusCode, body)
	v.seen[route.Operation.OperationID+" "+answer.Status[:3]] = true
	return answer, nil
}

func matches(r *http.Request, route *routers.Route, parameters map[string]string, answer *http.Response, body []byte) error {
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route},
		Status:                 answer.StatusCode, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
}

// described replaces the client by one whose answers are checked.
func (w *world) described(t *testing.T, seen map[string]bool) *validating {
	v := newValidating(t, w, seen)
	c, err := client.New(w.URL(), v)
	require.NoError(t, err)
	w.Client = c
	return v
}

// TestAnswersAreAsDescribed asks everything with an independent validator between client and
// server.
func TestAnswersAreAsDescribed(t *testing.T) {
	openapi3filter.RegisterBodyDecoder(contract.ContentType, openapi3filter.FileBodyDecoder)
	ctx, seen := context.Background(), map[string]bool{}
	enrolled := start(t, enrolling(t, 2))
	enrolled.described(t, seen)
	_, err := enrolled.Epoch(ctx)
	require.ErrorIs(t, err, contract.NotStarted)
	_, err = enrolled.Enrol(ctx, enrolled.enrolment(1, "a", 1, "/ip4/10.0.0.1/tcp/3000"), "t")
	require.NoError(t, err)
	_, err = enrolled.Enrol(ctx, enrolled.enrolment(1, "b", 2), "t")
	require.ErrorIs(t, err, contract.KeyTaken)

	w := start(t, configure(t, 4, 3))
	v := w.described(t, seen)
	w.clock.set(end(1))
	w.win(w.description(1), contracttest.Messages(w.description(1), 1, 2, 3, 4))
	w.clock.set(end(2))
	d := w.description(2)
	messages := contracttest.Messages(d, 1, 2, 3, 4)
	for i := range 2 { // so that a value is carried
		r := contracttest.Report(d, i+1)
		r.Values[1] = metrics.Missing
		messages[i] = contracttest.Message(d, i+1, r)
	}
	w.win(d, messages)
	for kind, s := range map[contract.Kind]contract.Submission{
		contract.Decided: contracttest.Submission(d, 2), contract.NotOver: contracttest.Submission(w.description(3), 3),
		contract.NotMember: contracttest.Submission(d, 2).Sign(contracttest.Key(9)),
	} {
		_, err := w.Submit(ctx, s)
		require.ErrorIs(t, err, kind)
	}
	w.clock.set(end(6) + 5) // epoch 3 is missed

	w.askEverything(t, v)
	for _, want := range []string{
		"currentEpoch 200", "currentEpoch 503", "epochs 200", "epochs 400", "epoch 200", "epoch 404", "epoch 400", "receipt 200", "receipt 404", "record 200", "record 404",
		"bundle 200", "bundle 404", "matrix 200", "matrix 404", "mixnode 200", "mixnode 404", "mixnode 400", "reporters 200", "peerInfo 200", "enrol 200", "enrol 409",
		"submit 200", "submit 403", "submit 409", "submit 422", "live 200", "ready 200",
	} {
		require.True(t, seen[want], "%s was not seen; seen: %v", want, seen)
	}
}

// askEverything sends every GET about epochs that were rewarded, missed, are open and do not exist.
func (w *world) askEverything(t *testing.T, v *validating) {
	for _, path := range []string{
		contract.PathEpoch, contract.PathEpochs, contract.PathEpochs + "?from=4&limit=2", contract.PathEpochs + "?limit=0", contract.PathPeerInfo, contract.PathReporters,
		contract.MixnodePath("m0002"), contract.MixnodePath("m0002") + "?from=1&limit=1", contract.MixnodePath("m9"), contract.PathMixnodes + "/a%20b",
		contract.PathLive, contract.PathReady, contract.PathEpochs + "/0",
	} {
		w.ask(t, v, path)
	}
	for _, epoch := range []contract.Epoch{1, 2, 3, 6, 99} {
		for _, path := range []string{contract.EpochPath(epoch), contract.ReceiptPath(epoch), contract.RecordPath(epoch), contract.BundlePath(epoch), contract.MatrixPath(epoch)} {
			w.ask(t, v, path)
		}
	}
}

func (w *world) ask(t *testing.T, v *validating, path string) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.URL()+path, nil)
	require.NoError(t, err)
	answer, err := v.RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
}

// TestOtherAnswersAreNotAsDescribed shows that the validator fails: an answer of another form, with
// a field that is not described, without one that is, or with a status that is not.
func TestOtherAnswersAreNotAsDescribed(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	v := newValidating(t, w, map[string]bool{})
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.URL()+contract.PathReady, nil)
	require.NoError(t, err)
	route, parameters, err := v.router.FindRoute(request)
	require.NoError(t, err)
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}}
	require.NoError(t, matches(request, route, parameters, answer, []byte(`{"status":"ready"}`)))
	for _, other := range []string{`{"status":1}`, `{}`, `{"status":"ready","more":1}`, `[]`} {
		require.Error(t, matches(request, route, parameters, answer, []byte(other)), other)
	}
	answer.StatusCode = http.StatusTeapot
	require.Error(t, matches(request, route, parameters, answer, []byte(`{"status":"ready"}`)))
}

// TestDocsLoadNothingFromElsewhere reads the page and all that it refers to.
func TestDocsLoadNothingFromElsewhere(t *testing.T) {
	w := start(t, configure(t, 4, 3))
	answer, page := w.get(http.MethodGet, contract.PathDocs)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'self'")
	require.Contains(t, string(page), contract.PathOpenAPI)
	parts := strings.FieldsFunc(string(page), func(r rune) bool { return r == '"' || r == '\'' })
	assets := 0
	for _, part := range parts {
		require.NotRegexp(t, `^(https?:)?//[a-z]`, part)
		if strings.HasPrefix(part, contract.PathDocs+"/") && strings.Contains(part, ".") {
			assets++
			answer, _ := w.get(http.MethodGet, part)
			require.Equal(t, http.StatusOK, answer.StatusCode, part)
		}
	}
	require.Positive(t, assets)
}
