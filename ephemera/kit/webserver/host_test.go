package webserver_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

func TestForeignHostIsRefused(t *testing.T) {
	handler := refusing(io.Discard).Hosts([]string{"Node.example", "contract"}, "--host", "/livez")(nothing)
	answer := func(method, path, host string) *httptest.ResponseRecorder {
		r := request(t, method, path, nil)
		r.Host = host
		return ask(handler, r)
	}
	for _, host := range []string{
		"localhost", "LOCALHOST:3100", "localhost.", "127.0.0.1", "127.0.0.1:80", "192.0.2.1:8080", "[::1]", "[::1]:3100", "[fe80::1%25eth0]:1",
		"node.example", "NODE.example.:443", "contract:8080", "",
	} {
		require.Equal(t, http.StatusOK, answer(http.MethodGet, "/", host).Code, host)
	}
	for _, host := range []string{
		"evil.example", "evil.example:3100", "localhost.evil.example", "evil.node.example", "node.example.evil", "127.0.0.1.evil.example", "127.0.0.1:80:80",
		"127.0.0.1:x", "127.0.0.1@evil.example", "[::1", "[evil.example]", "evil:80", "nodeexample", ".", "0x7f000001", "localhost:80@evil",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			refused := answer(method, "/", host)
			require.Equal(t, http.StatusMisdirectedRequest, refused.Code, host)
			require.Contains(t, refused.Body.String(), "--host", host)
		}
		require.Equal(t, http.StatusOK, answer(http.MethodGet, "/livez", host).Code, "a probe")
		require.Equal(t, http.StatusMisdirectedRequest, answer(http.MethodPost, "/livez", host).Code, "not a read")
	}
}

func TestHostNamesHaveNoPort(t *testing.T) {
	for _, name := range []string{"nymapi", "node-1.example.org", "my_service", "10.0.0.1"} {
		require.NoError(t, webserver.CheckHost(name))
	}
	for _, name := range []string{"", "a:80", "http://a", "*.example.org", "a b", "é", strings.Repeat("a", 254)} {
		require.ErrorContains(t, webserver.CheckHost(name), "host", name)
	}
}

func TestAdminReadsOfForeignPagesAreRefused(t *testing.T) {
	handler := refusing(io.Discard).OwnPages(nothing)
	for _, c := range []struct {
		name, value string
		status      int
	}{
		{"Sec-Fetch-Site", "cross-site", http.StatusForbidden},
		{"Sec-Fetch-Site", "same-site", http.StatusForbidden},
		{"Sec-Fetch-Site", "nonsense", http.StatusForbidden},
		{"Sec-Fetch-Site", "same-origin", http.StatusOK},
		{"Sec-Fetch-Site", "none", http.StatusOK},
		{"Origin", "http://evil.example", http.StatusForbidden},
		{"Origin", "http://127.0.0.1:9", http.StatusForbidden},
		{"Origin", "null", http.StatusForbidden},
		{"Origin", "http://127.0.0.1:3101", http.StatusOK},
		{"Referer", "http://evil.example/page?a=1", http.StatusForbidden},
		{"Referer", "://", http.StatusForbidden},
		{"Referer", "http://127.0.0.1:3101/debug/pprof/", http.StatusOK},
		{"Accept", "text/html", http.StatusOK},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			r := request(t, method, "/debug/pprof/", nil, c.name, c.value)
			r.Host = "127.0.0.1:3101"
			require.Equal(t, c.status, ask(handler, r).Code, "%s %s: %s", method, c.name, c.value)
		}
	}
}

func TestURLThatWouldBeReadInPartIsRefused(t *testing.T) {
	handler := refusing(io.Discard).PlainURL(nothing)
	for target, want := range map[string]string{
		"/a?from=1;limit=2":    "';'",
		"/a?;":                 "';'",
		"/a?label=%ff":         "UTF-8",
		"/a?%c3=1":             "UTF-8",
		"/a?label=%zz":         "invalid URL escape",
		"/a?label=%":           "invalid URL escape",
		"/a?from=1&from=2":     "2 times",
		"/a?from=1&%66rom=2":   "2 times",
		"/%ff":                 "UTF-8",
		"/a/%c3%28/b":          "UTF-8",
		"/%ed%a0%80?label=%00": "UTF-8",
	} {
		refused := ask(handler, request(t, http.MethodGet, target, nil))
		require.Equal(t, http.StatusBadRequest, refused.Code, target)
		require.Contains(t, refused.Body.String(), want, target)
	}
	for _, target := range []string{"/", "/é", "/%C3%A9%2Fb", "/a;b", "/a?", "/a?label=a%3Bb&from=1", "/a?label=%F0%9F%98%80", "/a?debug"} {
		require.Equal(t, http.StatusOK, ask(handler, request(t, http.MethodGet, target, nil)).Code, target)
	}
}

func TestJSONThatWouldBeChangedIsRefused(t *testing.T) {
	guard := refusing(io.Discard)
	handler := guard.Body("application/json", func() int64 { return 100 })(guard.PlainJSON(nothing))
	post := func(body string) int {
		return ask(handler, request(t, http.MethodPost, "/", strings.NewReader(body), "Content-Type", "application/json")).Code
	}
	require.Equal(t, http.StatusBadRequest, post("{\"label\":\"a\xff\"}"))
	require.Equal(t, http.StatusBadRequest, post(`{"label":"\ud800"}`))
	require.Equal(t, http.StatusOK, post(`{"label":"\ud83d\ude00é"}`))
	require.Equal(t, http.StatusOK, ask(handler, request(t, http.MethodGet, "/", nil)).Code)
}
