package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/local"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/apitest"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

func TestStatusMatchesTheKind(t *testing.T) {
	c := apitest.Start(t, 2, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{MaxBody: 1 << 20})
	post := func(path, body string) reply { return do(t, request(t, http.MethodPost, s.URL()+path, body)) }
	get := func(path string) reply { return do(t, request(t, http.MethodGet, s.URL()+path, "")) }

	m := c.Message(c.Members[0], "label", "payload")
	answer := post(api.PathSubmit, asJSON(t, api.Signed(m)))
	require.Equal(t, http.StatusAccepted, answer.Status)
	require.JSONEq(t, `{"id":"`+m.ID().String()+`"}`, string(answer.Body))
	post(api.PathSubmit, asJSON(t, api.Signed(m))).problem(t, api.Duplicate)
	require.Equal(t, http.StatusAccepted, post(api.PathSubmit, `{"label":"l","payload":"aGVsbG8="}`).Status)

	post(api.PathSubmit, `{"label":`).problem(t, api.Malformed)
	post(api.PathSubmit, ``).problem(t, api.Malformed)
	post(api.PathSubmit, asJSON(t, api.Signed(c.Message(apitest.Key(200), "label", "")))).problem(t, api.UnknownSender)
	invalid := post(api.PathSubmit, `{"label":1,"surprise":2}`).problem(t, api.Invalid)
	require.Greater(t, len(invalid.Errors), 1, "each field is named")
	post(api.PathSubmit, `{"label":"l","payload":"","signature":"zz"}`).problem(t, api.Invalid)
	refused := post(api.PathSubmit, `{"label":"`+apitest.RefusedLabel+`","payload":""}`).problem(t, api.Refused)
	require.Contains(t, refused.Detail, apitest.RefusedReason)
	require.NotEqual(t, invalid.Type, refused.Type, "both are 422 and differ in their types")
	require.Equal(t, invalid.Status, refused.Status)
	later := post(api.PathSubmit, `{"label":"`+apitest.LaterLabel+`","payload":""}`).problem(t, api.Unavailable)
	require.Equal(t, http.StatusServiceUnavailable, later.Status)
	require.Contains(t, later.Detail, apitest.LaterReason)

	tooLarge := strings.Repeat("A", 1<<20)
	post(api.PathSubmit, `{"label":"l","payload":"`+tooLarge+`"}`).problem(t, api.TooLarge)
	get("/ephemera/broadcast/block/"+strings.Repeat("0", 64)).problem(t, api.NotFound)
	get("/ephemera/broadcast/block/zz").problem(t, api.Invalid)
	get("/ephemera/broadcast/block/height/0").problem(t, api.Invalid)
	for _, number := range []string{"/ephemera/broadcast/block/height/9007199254740992", api.PathGroup + "?number=9007199254740992"} {
		get(number).problem(t, api.Invalid)
	}
	get(api.PathLastBlock+"?creator=nobody").problem(t, api.Invalid)
	get(api.PathBlocks+"?limit=101").problem(t, api.Invalid)
	get(api.PathBlocks+"?no=such").problem(t, api.Invalid)
	get("/ephemera/dht/query/nothing").problem(t, api.NotFound)
	require.Equal(t, http.StatusNoContent, post(api.PathDHTStore, `{"key":"k","value":""}`).Status)
	require.Equal(t, http.StatusOK, get(api.PathLive).Status)
	require.Equal(t, http.StatusOK, get(api.PathReady).Status)
	require.Equal(t, http.StatusOK, get(api.PathHealth).Status)
}

func TestNotReadyAndFullAre503(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{Messages: 3, PerSender: 3})
	s := serve(t, c.API(0), server.Config{})
	answer := do(t, request(t, http.MethodGet, s.URL()+api.PathReady, ""))
	require.Equal(t, http.StatusServiceUnavailable, answer.Status)
	var health api.Health
	require.NoError(t, json.Unmarshal(answer.Body, &health))
	require.Contains(t, health.Reason, "quorum")
	require.Equal(t, http.StatusOK, do(t, request(t, http.MethodGet, s.URL()+api.PathLive, "")).Status)
	for i := range 3 {
		require.Equal(t, http.StatusAccepted, do(t, request(t, http.MethodPost, s.URL()+api.PathSubmit, asJSON(t, api.Signed(c.Message(c.Clients[i], "l", ""))))).Status)
	}
	last := do(t, request(t, http.MethodPost, s.URL()+api.PathSubmit, asJSON(t, api.Signed(c.Message(c.Clients[3], "l", "")))))
	last.problem(t, api.MempoolFull)
	require.Equal(t, "1", last.Header.Get("Retry-After"))

	without := serve(t, local.New(c.Nodes[0], local.Config{}), server.Config{})
	do(t, request(t, http.MethodGet, without.URL()+"/ephemera/dht/query/k", "")).problem(t, api.NotConfigured)
}

func TestUnmatchedRequestsAreProblemsToo(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{})
	do(t, request(t, http.MethodGet, s.URL()+"/nowhere", "")).problem(t, api.NoEndpoint)
	do(t, request(t, http.MethodPost, s.URL()+"/nowhere", "{}")).problem(t, api.NoEndpoint)
	for method, url := range map[string]string{
		http.MethodDelete: api.PathBlocks, http.MethodPut: api.PathSubmit, http.MethodGet: api.PathSubmit, "NONSENSE": "/",
	} {
		answer := do(t, request(t, method, s.URL()+url, ""))
		answer.problem(t, api.MethodNotAllowed)
		want := "GET, HEAD"
		if url == api.PathSubmit {
			want = "POST"
		}
		require.Equal(t, want, answer.Header.Get("Allow"))
	}
	wrong := request(t, http.MethodPost, s.URL()+api.PathSubmit, "{}", "Content-Type", "text/plain")
	do(t, wrong).problem(t, api.UnsupportedMedia)
	do(t, request(t, http.MethodGet, s.URL()+api.PathSubscribe, "")).problem(t, api.Invalid)
	do(t, request(t, http.MethodGet, s.URL()+api.PathSubscribe+"?from=x", "", "Upgrade", "websocket")).problem(t, api.Invalid)
}

func TestBlockIsCachedByItsHash(t *testing.T) {
	c := apitest.Start(t, 2, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{})
	entry := c.Broadcast(t.Context(), c.API(0), c.Message(c.Members[0], "l", ""))
	url := s.URL() + strings.Replace(api.PathBlock, "{hash}", entry.Block.ID.String(), 1)
	first := do(t, request(t, http.MethodGet, url, ""))
	require.Equal(t, http.StatusOK, first.Status)
	require.Contains(t, first.Header.Get("Cache-Control"), "immutable")
	tag := first.Header.Get("ETag")
	require.Equal(t, `"`+entry.Block.ID.String()+`"`, tag)
	again := do(t, request(t, http.MethodGet, url, "", "If-None-Match", `"other", W/`+tag))
	require.Equal(t, http.StatusNotModified, again.Status)
	require.Empty(t, again.Body)
	head := do(t, request(t, http.MethodHead, url, ""))
	require.Equal(t, http.StatusOK, head.Status)
	require.Empty(t, head.Body)
	require.Equal(t, tag, head.Header.Get("ETag"))
}

func TestNodeSignsForTrustedCallersOnly(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{Token: "secret", Hosts: []string{"node.example", "evil.example"}})
	body := `{"label":"l","payload":""}`
	submit := func(path, body string, header ...string) reply {
		r := request(t, http.MethodPost, s.URL()+path, body, header...)
		if host := r.Header.Get("Host"); host != "" {
			r.Host = host
		}
		return do(t, r)
	}
	// The test is on loopback, so only the host name distinguishes this caller from a remote one.
	submit(api.PathSubmit, body, "Host", "evil.example").problem(t, api.Forbidden)
	submit(api.PathSubmit, body, "Host", "evil.example", "Authorization", "Bearer wrong").problem(t, api.Forbidden)
	submit(api.PathDHTStore, `{"key":"k","value":""}`, "Host", "evil.example").problem(t, api.Forbidden)
	submit(api.PathSubmit, body, "X-Forwarded-For", "192.0.2.1").problem(t, api.Forbidden)
	submit(api.PathSubmit, body, "Forwarded", "for=192.0.2.1").problem(t, api.Forbidden)
	submit(api.PathSubmit, body, "Origin", "http://evil.example").problem(t, api.Forbidden)
	submit(api.PathSubmit, body, "Sec-Fetch-Site", "cross-site").problem(t, api.Forbidden)
	require.Equal(t, http.StatusAccepted, submit(api.PathSubmit, body, "Host", "node.example", "Authorization", "Bearer secret").Status)
	require.Equal(t, http.StatusAccepted, submit(api.PathSubmit, body, "Host", "localhost:1").Status)
	signed := asJSON(t, api.Signed(c.Message(c.Members[0], "l", "signed")))
	require.Equal(t, http.StatusAccepted, submit(api.PathSubmit, signed, "Host", "node.example").Status, "a signed message needs no trust")
}

func TestRequestKeepsItsID(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{})
	require.Equal(t, "my-1.a_B", do(t, request(t, http.MethodGet, s.URL()+api.PathLive, "", "X-Request-Id", "my-1.a_B")).Header.Get("X-Request-Id"))
	require.Regexp(t, "^[0-9a-f]{16}$", do(t, request(t, http.MethodGet, s.URL()+api.PathLive, "", "X-Request-Id", "no spaces")).Header.Get("X-Request-Id"))
}

func TestPagesNeedNoNetwork(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{})
	for path, want := range map[string]string{"/": "<title>Ephemera node", api.PathDocs: "swagger-ui-bundle.js", api.PathDocs + "/swagger-ui-bundle.js": ""} {
		answer := do(t, request(t, http.MethodGet, s.URL()+path, ""))
		require.Equal(t, http.StatusOK, answer.Status, path)
		require.Contains(t, string(answer.Body), want)
		require.NotEmpty(t, answer.Header.Get("Content-Security-Policy"))
		if want != "" {
			for _, link := range strings.SplitAfter(string(answer.Body), `="`)[1:] {
				require.NotRegexp(t, `^(https?:)?//`, link, "%s loads from elsewhere", path)
			}
		}
	}
}

func TestTelemetryNamesAreClean(t *testing.T) {
	registry := prometheus.NewRegistry()
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{Registry: registry})
	do(t, request(t, http.MethodGet, s.URL()+"/nowhere/1", ""))
	do(t, request(t, http.MethodGet, s.URL()+"/nowhere/2", ""))
	require.Eventually(t, func() bool { // requests are counted once their answers are sent
		answer := do(t, request(t, http.MethodGet, s.URL()+api.PathTelemetry, ""))
		return strings.Contains(string(answer.Body), `ephemera_http_requests_total{endpoint="none",method="GET",status="404"} 2`)
	}, 20*time.Second, time.Millisecond)
	complaints, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, complaints)
	_, err = server.New(c.API(0), server.Config{Registry: registry})
	require.ErrorContains(t, err, "registry of its own")
}

func TestRateLimitSaysWhenToRetry(t *testing.T) {
	c := apitest.Start(t, 1, mempool.Limits{})
	s := serve(t, c.API(0), server.Config{RequestsPerSecond: 1, Registry: prometheus.NewRegistry()})
	limited := 0
	for range 20 {
		for _, probe := range []string{api.PathLive, api.PathReady, api.PathHealth, api.PathTelemetry} {
			require.NotEqual(t, http.StatusTooManyRequests, do(t, request(t, http.MethodGet, s.URL()+probe, "")).Status, "probes do not count")
		}
		if answer := do(t, request(t, http.MethodGet, s.URL()+api.PathConfig, "")); answer.Status == http.StatusTooManyRequests {
			answer.problem(t, api.TooManyRequests)
			require.NotEmpty(t, answer.Header.Get("Retry-After"))
			limited++
		}
	}
	require.Positive(t, limited)
}

func TestConfigIsChecked(t *testing.T) {
	_, err := server.New(nil, server.Config{MaxConnections: -1})
	require.ErrorContains(t, err, "limit is negative")
	_, err = server.New(nil, server.Config{PingInterval: -1})
	require.ErrorContains(t, err, "duration is negative")
	_, err = server.New(nil, server.Config{Listen: "256.0.0.1:0"})
	require.ErrorContains(t, err, "choose another address")
	require.NoError(t, server.Config{}.Validate())
}

var _ io.Closer = (*server.Server)(nil)
