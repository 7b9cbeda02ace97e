package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
)

type contextKey uint8

const (
	keyRequestID contextKey = iota
	keyTrusted
	keyConnection
)

// requestID returns the ID of the request that ctx belongs to.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(keyRequestID).(string)
	return id
}

// trusted tells whether the caller may have the node sign.
func trusted(ctx context.Context) bool {
	yes, _ := ctx.Value(keyTrusted).(bool)
	return yes
}

var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// identify gives each request an ID, the caller's own where it has one, and says it in the answer.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !goodRequestID.MatchString(id) {
			var random [8]byte
			_, _ = rand.Read(random[:]) // never fails
			id = hex.EncodeToString(random[:])
		}
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), keyRequestID, id)))
	})
}

// recover turns a panic of a handler, which is a fault of this program, into an answer.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch fault := recover(); fault {
			case nil:
			case http.ErrAbortHandler:
				panic(fault)
			default:
				if r.Context().Err() != nil {
					panic(http.ErrAbortHandler) // the answer could not be written: nobody is there
				}
				s.config.Logger.Error("handler panicked", "path", r.URL.Path, "fault", fault, "stack", string(debug.Stack()))
				s.refuse(w, r, fmt.Errorf("panic: %v", fault))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// secure forbids browsers whatever the pages do not need, and to change anything on behalf of pages
// from elsewhere.
func (s *Server) secure(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Cache-Control", "no-store")
		if err := protection.Check(r); err != nil {
			s.refuse(w, r, api.NewProblem(api.Forbidden, "a page of another origin may not change anything here"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// trust notes whether the caller may have the node sign: it has the token, or is on this machine
// and means this machine. The latter keeps out a browser that a foreign name was made to lead here,
// and callers from elsewhere behind a proxy that says so.
func trust(token string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), keyTrusted, mayHaveSigned(r, token))))
		})
	}
}

func mayHaveSigned(r *http.Request, token string) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if ok && token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1 {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() || forwarded(r.Header) {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err = netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || host == "localhost"
}

// forwarded tells whether a proxy has passed the request on.
func forwarded(header http.Header) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if header.Get(name) != "" {
			return true
		}
	}
	return false
}

// limit bounds the requests of one client's address per second.
func (s *Server) limit() func(http.Handler) http.Handler {
	perSecond := s.config.RequestsPerSecond
	// The peer's address is the client's: headers that claim another are not believed.
	peer := func(r *http.Request) (string, error) {
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			return host, nil
		}
		return r.RemoteAddr, nil // no TCP
	}
	return httprate.LimitBy(perSecond, time.Second, peer, httprate.WithLimitHandler(func(w http.ResponseWriter, r *http.Request) {
		p := api.NewProblem(api.TooManyRequests, fmt.Sprintf("more than %d in a second", perSecond))
		p.RetryAfterMS = time.Second.Milliseconds()
		s.refuse(w, r, p)
	}))
}

// body reads a request's body within its bound before anything looks at it, so that what is wrong
// with it has one form.
func (s *Server) body(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := readBody(w, r, s.config.MaxBody)
			if err != nil {
				s.refuse(w, r, err)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.ContentLength = int64(len(body))
		}
		next.ServeHTTP(w, r)
	})
}

// readBody returns a JSON body of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != "application/json" {
		return nil, api.NewProblem(api.UnsupportedMedia, fmt.Sprintf("Content-Type is %.100q, expected application/json", r.Header.Get("Content-Type")))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var above *http.MaxBytesError
	switch {
	case errors.As(err, &above):
		return nil, api.NewProblem(api.TooLarge, fmt.Sprintf("the body has more than %d bytes", limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, api.NewProblem(api.TooSlow, "the body did not come in time")
	case err != nil:
		return nil, api.NewProblem(api.Malformed, "the body ends early")
	}
	return body, nil
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	text := fmt.Sprintf("no endpoint %.200q", r.URL.Path)
	if chi.RouteContext(r.Context()).Routes.Match(chi.NewRouteContext(), http.MethodGet, api.PathDocs) {
		text += "; see " + api.PathDocs
	}
	s.refuse(w, r, api.NewProblem(api.NoEndpoint, text))
}

func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	routes := chi.RouteContext(r.Context()).Routes
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		asked := method
		if method == http.MethodHead {
			asked = http.MethodGet // HEAD is answered like GET
		}
		if routes.Match(chi.NewRouteContext(), asked, r.URL.Path) {
			allowed = append(allowed, method)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	s.refuse(w, r, api.NewProblem(api.MethodNotAllowed, fmt.Sprintf("%.200s takes %s", r.URL.Path, strings.Join(allowed, ", "))))
}
