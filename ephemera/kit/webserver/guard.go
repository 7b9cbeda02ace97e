package webserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"
)

// Refusal is a request that the middleware refuses. An API answers it with a problem document whose
// kind it chooses by the status.
type Refusal struct {
	Status     int           // the HTTP status
	Detail     string        // what is wrong and what to do, for the caller
	RetryAfter time.Duration // when to come back; 0 if waiting does not help
}

// Error returns the detail.
func (r *Refusal) Error() string { return r.Detail }

// Guard is middleware that refuses requests in an API's own words.
type Guard struct {
	// Refuse answers a request that is refused. The error is a *Refusal.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
	Logger *slog.Logger
}

// Recover answers with status 500 if a handler panics, which is a bug, and logs the panic. chi's
// Recoverer writes to standard error, answers without a body, and reports callers that have left:
// huma panics with the error of writing to one.
func (g Guard) Recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch fault := recover(); {
			case fault == nil:
			case fault == http.ErrAbortHandler, unwritable(r.Context(), fault):
				panic(http.ErrAbortHandler)
			default:
				g.Logger.ErrorContext(r.Context(), "handler panicked",
					"method", r.Method, "path", r.URL.Path, "request", middleware.GetReqID(r.Context()), "fault", fault, "stack", string(debug.Stack()))
				g.Refuse(w, r, &Refusal{Status: http.StatusInternalServerError, Detail: "the handler failed"})
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// unwritable reports whether a handler panicked because its caller had left. An error of the Go
// runtime is a bug even then.
func unwritable(ctx context.Context, fault any) bool {
	err, isError := fault.(error)
	var bug runtime.Error
	return isError && ctx.Err() != nil && !errors.As(err, &bug)
}

// SameOrigin refuses to change anything on behalf of a page of another origin. It belongs behind
// SecurityHeaders.
func (g Guard) SameOrigin() func(http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.Refuse(w, r, &Refusal{Status: http.StatusForbidden, Detail: "a page of another origin may not change anything here"})
	}))
	return protection.Handler
}

// RateLimit bounds the requests of one client address per second. Those of the lane Probes do not
// count: to refuse one costs as much as to answer it, and their places bound them. It belongs
// behind ClientAddress.
func (g Guard) RateLimit(perSecond int, lanes Lanes) func(http.Handler) http.Handler {
	address := func(r *http.Request) (string, error) { return Caller(r), nil }
	limit := httprate.LimitBy(perSecond, time.Second, address, httprate.WithLimitHandler(func(w http.ResponseWriter, r *http.Request) {
		g.Refuse(w, r, &Refusal{Status: http.StatusTooManyRequests, Detail: fmt.Sprintf("more than %d in a second", perSecond), RetryAfter: time.Second})
	}))
	return func(next http.Handler) http.Handler {
		limited := limit(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if lanes.of(r) == Probes {
				next.ServeHTTP(w, r)
				return
			}
			limited.ServeHTTP(w, r)
		})
	}
}

// NotFound answers requests to a path without an endpoint. Hint says where to look, and may be "".
func (g Guard) NotFound(hint string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g.Refuse(w, r, &Refusal{Status: http.StatusNotFound, Detail: fmt.Sprintf("no endpoint %.200q%s", r.URL.Path, hint)})
	}
}

// MethodNotAllowed answers requests with a method that the endpoint does not have. chi's own
// handler answers without a body, and lists no method for a request whose method it does not know.
func (g Guard) MethodNotAllowed(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	routes := chi.RouteContext(r.Context()).Routes
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		route := method
		if method == http.MethodHead {
			route = http.MethodGet // the APIs use chi's GetHead
		}
		if routes.Match(chi.NewRouteContext(), route, r.URL.Path) {
			allowed = append(allowed, method)
		}
	}
	list := strings.Join(allowed, ", ")
	w.Header().Set("Allow", list)
	g.Refuse(w, r, &Refusal{Status: http.StatusMethodNotAllowed, Detail: fmt.Sprintf("%.200s takes %s", r.URL.Path, list)})
}

// SecurityHeaders sets headers that forbid browsers everything that the API's pages do not need. A
// handler may override them.
func SecurityHeaders(contentPolicy string) chi.Middlewares {
	return chi.Chain(
		middleware.SetHeader("Content-Security-Policy", contentPolicy),
		middleware.SetHeader("X-Content-Type-Options", "nosniff"),
		middleware.SetHeader("Referrer-Policy", "no-referrer"),
		middleware.SetHeader("Cache-Control", "no-store"),
	)
}

var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// RequestID gives every request an ID, the caller's own if it has sent a good one, and repeats it
// in the answer; middleware.GetReqID returns it. chi's RequestID takes any text of any length from
// the caller, does not answer with the ID, and makes IDs that tell the host's name.
func RequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(middleware.RequestIDHeader)
		if !goodRequestID.MatchString(id) {
			var random [8]byte
			_, _ = rand.Read(random[:]) // never fails
			id = hex.EncodeToString(random[:])
		}
		w.Header().Set(middleware.RequestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), middleware.RequestIDKey, id)))
	})
}
