package server_test

import (
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// addressed returns a request that names a host.
func addressed(t *testing.T, host, method, url, body string, header ...string) *http.Request {
	r := request(t, method, url, body, header...)
	r.Host = host
	return r
}

func TestForeignHostReadsNothing(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{Token: "secret", Hosts: []string{"node.example"}, Registry: prometheus.NewRegistry()})
	const evil = "evil.example:3100"
	for _, path := range []string{api.PathBlocks, api.PathLastBlock, api.PathGroup, api.PathConfig, api.PathEvidence, api.PathForks, api.PathOpenAPI, api.PathDocs, "/none"} {
		refused := do(t, addressed(t, evil, http.MethodGet, s.URL()+path, "")).problem(t, api.WrongHost)
		require.Contains(t, refused.Detail, "http.hosts", path)
		require.Contains(t, refused.Detail, "--api-host", path)
		do(t, addressed(t, evil, http.MethodGet, s.URL()+path, "", "Authorization", "Bearer wrong")).problem(t, api.WrongHost)
	}
	do(t, addressed(t, evil, http.MethodGet, s.URL()+api.PathSubscribe, "", "Upgrade", "websocket", "Connection", "Upgrade",
		"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==", "Origin", "http://"+evil)).problem(t, api.WrongHost)
	for _, path := range []string{api.PathSubmit, api.PathVerify, api.PathDHTStore} {
		do(t, addressed(t, evil, http.MethodPost, s.URL()+path, "{}")).problem(t, api.WrongHost)
	}
	for _, path := range []string{api.PathLive, api.PathReady, api.PathHealth, api.PathTelemetry} {
		require.NotEqual(t, http.StatusMisdirectedRequest, do(t, addressed(t, evil, http.MethodGet, s.URL()+path, "")).Status, path)
	}
	require.Equal(t, http.StatusOK, do(t, addressed(t, "node.example", http.MethodGet, s.URL()+api.PathConfig, "")).Status)
	require.Equal(t, http.StatusOK, do(t, addressed(t, "other.example", http.MethodGet, s.URL()+api.PathConfig, "", "Authorization", "Bearer secret")).Status, "no page has the token")
}

func TestRequestsThatWouldBeReadInPartAreRefused(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{})
	for _, path := range []string{
		api.PathBlocks + "?limit=1;from=2", api.PathBlocks + "?limit=1&limit=2", api.PathSubscribe + "?label=%ff", api.PathSubscribe + "?filter=own;label=a",
		"/ephemera/dht/query/%ff", "/livez?;",
	} {
		do(t, request(t, http.MethodGet, s.URL()+path, "")).problem(t, api.Malformed)
	}
	for _, body := range []string{"{\"label\":\"\xff\",\"payload\":\"\"}", `{"label":"\ud800","payload":""}`} {
		do(t, request(t, http.MethodPost, s.URL()+api.PathSubmit, body)).problem(t, api.Malformed)
	}
	require.Equal(t, http.StatusAccepted, do(t, request(t, http.MethodPost, s.URL()+api.PathSubmit, `{"label":"\ud83d\ude00","payload":""}`)).Status)
}
