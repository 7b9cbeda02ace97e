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

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// validating is a transport that checks every response against the served description.
type validating struct {
	t      *testing.T
	router routers.Router
	next   *http.Transport
	seen   map[string]bool // operation and status
}

func newValidating(t *testing.T, s *server.Server) *validating {
	answer := do(t, request(t, http.MethodGet, s.URL()+api.PathOpenAPI, ""))
	require.Equal(t, http.StatusOK, answer.Status)
	document, err := openapi3.NewLoader().LoadFromData(answer.Body)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(document.OpenAPI, "3.1"))
	document.Servers = openapi3.Servers{{URL: s.URL()}}
	router, err := legacy.NewRouter(document)
	require.NoError(t, err)
	v := &validating{t: t, router: router, next: &http.Transport{}, seen: map[string]bool{}}
	t.Cleanup(v.next.CloseIdleConnections)
	return v
}

func (v *validating) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Upgrade") != "" {
		return v.next.RoundTrip(r)
	}
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
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route},
		Status:                 answer.StatusCode, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
	require.NoError(v.t, err, "%s %s answers %d %s", r.Method, r.URL, answer.StatusCode, body)
	v.seen[route.Operation.OperationID+" "+answer.Status[:3]] = true
	return answer, nil
}

// TestAnswersAreAsDescribed runs the conformance suite with an independent validator between client
// and server.
func TestAnswersAreAsDescribed(t *testing.T) {
	seen := map[string]bool{}
	apitest.Run(t, func(t *testing.T, of api.API) api.API {
		s := serve(t, of, server.Config{})
		v := newValidating(t, s)
		v.seen = seen
		c, err := client.New(s.URL(), client.Options{HTTP: v})
		require.NoError(t, err)
		for _, path := range []string{api.PathLive, api.PathReady} {
			r := request(t, http.MethodGet, s.URL()+path, "")
			r.Body = nil
			answer, err := v.RoundTrip(r)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
		}
		return c
	})
	for _, want := range []string{
		"submitMessage 202", "submitMessage 403", "submitMessage 409", "submitMessage 413", "submitMessage 422", "submitMessage 503",
		"queryBlockByHash 200", "queryBlockByHash 404", "queryBlockByHeight 200", "queryLastBlock 200", "queryBlockCertificates 200",
		"queryBlockBroadcastInfo 200", "queryBroadcastGroup 200", "verifyMessageInBlock 200", "queryDht 200", "queryDht 404", "storeInDht 204",
		"queryEphemeraConfig 200", "health 200", "live 200", "ready 200", "ready 503", "listBlocks 200", "listBlocks 422", "evidence 200", "forks 200",
	} {
		require.True(t, seen[want], "%s was not seen; seen: %v", want, seen)
	}
}

// TestDescriptionIsComplete looks for every endpoint of package api.
func TestDescriptionIsComplete(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{Version: "v9"})
	answer := do(t, request(t, http.MethodGet, s.URL()+api.PathOpenAPI, ""))
	document, err := openapi3.NewLoader().LoadFromData(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "v9", document.Info.Version)
	for _, path := range []string{
		api.PathSubmit, api.PathBlock, api.PathBlockAt, api.PathLastBlock, api.PathBlocks, api.PathCertificates, api.PathBroadcastInfo,
		api.PathGroup, api.PathVerify, api.PathDHTQuery, api.PathDHTStore, api.PathConfig, api.PathHealth, api.PathEvidence, api.PathForks, api.PathSubscribe,
		api.PathLive, api.PathReady,
	} {
		require.NotNil(t, document.Paths.Value(path), path)
	}
	require.NotContains(t, document.Components.Schemas, "ErrorModel")
}
