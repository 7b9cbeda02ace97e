package webserver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// refusing returns a guard whose refusals are the status and the detail as a text.
func refusing(log io.Writer) webserver.Guard {
	return webserver.Guard{Logger: slog.New(slog.NewTextHandler(log, nil)), Refuse: func(w http.ResponseWriter, _ *http.Request, err error) {
		var refused *webserver.Refusal
		if !errors.As(err, &refused) {
			panic(err)
		}
		w.WriteHeader(refused.Status)
		_, _ = io.WriteString(w, refused.Detail)
	}}
}

// ask has a handler answer a request.
func ask(handler http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func request(t *testing.T, method, path string, body io.Reader, header ...string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), method, path, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

var nothing = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func panicking(fault any) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(fault) })
}

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	var log bytes.Buffer
	guard := refusing(&log)
	answer := ask(webserver.RequestID(guard.Recover(panicking("a bug"))), request(t, http.MethodGet, "/broken", nil, "X-Request-Id", "mine"))
	require.Equal(t, http.StatusInternalServerError, answer.Code)
	for _, text := range []string{"level=ERROR", "path=/broken", "request=mine", `fault="a bug"`, "guard_test.go"} {
		require.Contains(t, log.String(), text)
	}
}

func TestCallerThatLeftIsNoBug(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var log bytes.Buffer
	recovering := func(h http.Handler) func() {
		return func() { ask(refusing(&log).Recover(h), request(t, http.MethodGet, "/", nil).WithContext(gone)) }
	}
	require.PanicsWithValue(t, http.ErrAbortHandler, recovering(panicking(io.ErrClosedPipe)), "huma could not write")
	require.PanicsWithValue(t, http.ErrAbortHandler, recovering(panicking(http.ErrAbortHandler)))
	require.Empty(t, log.String())
	var nowhere map[string]int
	require.NotPanics(t, recovering(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { nowhere["a"] = 1 })))
	require.Contains(t, log.String(), "nil map", "a bug is one even if the caller has left")
}

func TestRateLimitIsThatOfThePeersAddress(t *testing.T) {
	guard := refusing(io.Discard)
	handler := webserver.Proxies(nil).ClientAddress(guard.RateLimit(3, nil)(nothing))
	from := func(peer string) int {
		r := request(t, http.MethodGet, "/", nil, "X-Forwarded-For", "192.0.2.77", "X-Real-Ip", "192.0.2.78")
		r.RemoteAddr = peer
		return ask(handler, r).Code
	}
	refused := 0
	for range 20 { // within two windows of the limiter at most
		if from("192.0.2.1:1000") == http.StatusTooManyRequests {
			refused++
		}
	}
	require.Positive(t, refused, "headers do not make another caller")
	require.Equal(t, http.StatusOK, from("192.0.2.2:1000"), "another address has its own limit")
}

func TestPageOfAnotherOriginChangesNothing(t *testing.T) {
	handler := refusing(io.Discard).SameOrigin()(nothing)
	require.Equal(t, http.StatusForbidden, ask(handler, request(t, http.MethodPost, "/", nil, "Sec-Fetch-Site", "cross-site")).Code)
	require.Equal(t, http.StatusOK, ask(handler, request(t, http.MethodPost, "/", nil, "Sec-Fetch-Site", "same-origin")).Code)
	require.Equal(t, http.StatusOK, ask(handler, request(t, http.MethodGet, "/", nil, "Sec-Fetch-Site", "cross-site")).Code)
}

func TestSecurityHeadersMayBeOverridden(t *testing.T) {
	answer := ask(webserver.SecurityHeaders("default-src 'none'").HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public")
	}), request(t, http.MethodGet, "/", nil))
	require.Equal(t, http.Header{
		"Content-Security-Policy": {"default-src 'none'"}, "X-Content-Type-Options": {"nosniff"},
		"Referrer-Policy": {"no-referrer"}, "Cache-Control": {"public"},
	}, answer.Header())
}

func TestRequestIDIsTheCallersIfItIsShortAndPlain(t *testing.T) {
	var seen string
	handler := webserver.RequestID(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = middleware.GetReqID(r.Context()) }))
	for sent, want := range map[string]string{
		"my-1.a_B": `^my-1\.a_B$`, "": "^[0-9a-f]{16}$", "two words": "^[0-9a-f]{16}$", strings.Repeat("a", 65): "^[0-9a-f]{16}$", "a\nb": "^[0-9a-f]{16}$",
	} {
		answer := ask(handler, request(t, http.MethodGet, "/", nil, "X-Request-Id", sent))
		require.Regexp(t, want, answer.Header().Get("X-Request-Id"))
		require.Equal(t, answer.Header().Get("X-Request-Id"), seen)
	}
}

func TestPathAndMethodWithoutAnEndpoint(t *testing.T) {
	guard := refusing(io.Discard)
	r := chi.NewRouter()
	r.Use(middleware.GetHead)
	r.NotFound(guard.NotFound("; see /docs"))
	r.MethodNotAllowed(guard.MethodNotAllowed)
	r.Get("/read", nothing)
	r.Post("/write", nothing)
	for _, c := range []struct {
		method, path string
		status       int
		allow, text  string
	}{
		{"GET", "/nothing", 404, "", `no endpoint "/nothing"; see /docs`},
		{"POST", "/read", 405, "GET, HEAD", "/read takes GET, HEAD"},
		{"GET", "/write", 405, "POST", "/write takes POST"},
		{"NONSENSE", "/read", 405, "GET, HEAD", "/read takes GET, HEAD"},
		{"HEAD", "/read", 200, "", ""},
	} {
		answer := ask(r, request(t, c.method, c.path, nil))
		require.Equal(t, c.status, answer.Code, "%s %s", c.method, c.path)
		require.Equal(t, c.allow, answer.Header().Get("Allow"))
		require.Equal(t, c.text, answer.Body.String())
	}
}

func TestBodyIsReadBeforeTheHandlerOrRefused(t *testing.T) {
	const json = "application/json"
	var got []byte
	handler := refusing(io.Discard).Body(json, func() int64 { return 4 })(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			streamed, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.Equal(t, streamed, webserver.BodyBytes(r))
			got = streamed
		}
	}))
	for name, c := range map[string]struct {
		contentType string
		body        io.Reader
		status      int
	}{
		"good":                 {json + "; charset=utf-8", strings.NewReader("[12]"), 200},
		"empty":                {json, strings.NewReader(""), 200},
		"other type":           {"text/plain", strings.NewReader("[]"), 415},
		"without content type": {"", strings.NewReader("[]"), 415},
		"too large":            {json, strings.NewReader("[123]"), 413},
		"cut":                  {json, io.MultiReader(strings.NewReader("["), iotest.ErrReader(io.ErrUnexpectedEOF)), 400},
		"late":                 {json, iotest.ErrReader(os.ErrDeadlineExceeded), 408},
	} {
		got = nil
		answer := ask(handler, request(t, http.MethodPost, "/", c.body, "Content-Type", c.contentType))
		require.Equal(t, c.status, answer.Code, name)
		require.Equal(t, c.status == 200, got != nil, name)
	}
	require.Equal(t, http.StatusOK, ask(handler, request(t, http.MethodGet, "/", nil)).Code, "only a POST has a body")
	require.Nil(t, webserver.BodyBytes(request(t, http.MethodPost, "/", strings.NewReader("x"))))
}

func TestValueThatCannotBeEncodedWritesNothing(t *testing.T) {
	w := httptest.NewRecorder()
	require.Error(t, webserver.WriteJSON(w, http.StatusOK, make(chan int)))
	require.Empty(t, w.Header())
	require.NoError(t, webserver.WriteJSON(w, http.StatusTeapot, map[string]int{"a": 1}))
	require.Equal(t, http.StatusTeapot, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "{\"a\":1}\n", w.Body.String())
}
