package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/problem"
)

// routes are the endpoints. Every answer that is not one of theirs is a problem document.
func (s *Server) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(s.recover, secure, middleware.GetHead)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, contract.NewProblem(contract.NotFound, "no endpoint "+strconv.Quote(r.URL.Path)+"; see /"))
	})
	r.MethodNotAllowed(s.methodNotAllowed)
	r.Get(contract.PathEpoch, s.handle(s.getEpoch))
	r.Get(contract.PathPeerInfo, s.handle(s.getPeerInfo))
	r.Get(contract.PathEpochs, s.handle(s.getEpochs))
	r.Get(contract.PathEpochs+"/{id}", s.handle(s.getEpochDetail))
	r.Get(contract.PathEpochs+"/{id}/bundle", s.getBundle)
	r.Get(contract.PathLive, s.handle(func(*http.Request) (any, error) { return status{"live"}, nil }))
	r.Get(contract.PathReady, s.handle(s.getReady))
	r.Get("/", s.getPage)
	r.Get("/style.css", getStyle)
	limited := r.With(s.limit())
	limited.Post(contract.PathEnrol, s.handle(s.postEnrol))
	limited.Post(contract.PathSubmit, s.handle(s.postSubmit))
	return r
}

type status struct {
	Status string `json:"status"`
}

// limit bounds the posts of one address per second: room for all members behind it.
func (s *Server) limit() func(http.Handler) http.Handler {
	perSecond := 100 + 20*s.keeper.cfg.expected()
	// Nobody stands before the contract, so the peer's address is the client's, and headers that claim
	// another are not believed.
	peer := func(r *http.Request) (string, error) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		return host, err
	}
	return httprate.LimitBy(perSecond, time.Second, peer,
		httprate.WithLimitHandler(func(w http.ResponseWriter, _ *http.Request) {
			p := contract.NewProblem(contract.TooManyRequests, fmt.Sprintf("more than %d in a second", perSecond))
			p.RetryAfterMS = time.Second.Milliseconds()
			problem.Write(w, p)
		}))
}

// handle writes what endpoint returns as JSON, or its error as a problem.
func (s *Server) handle(endpoint func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := endpoint(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.write(w, http.StatusOK, "application/json", answer)
	}
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refused *contract.Problem
	switch {
	case errors.As(err, &refused):
	case errors.Is(err, store.ErrNotFound):
		refused = contract.NewProblem(contract.NotFound, "no such epoch, or it has no winner")
	case r.Context().Err() != nil:
		s.log.Debug("request abandoned", "method", r.Method, "path", r.URL.Path, "err", err)
		return // nobody is there to be answered
	default:
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		refused = contract.NewProblem(contract.Internal, "see the contract's log")
	}
	problem.Write(w, refused)
}

func (s *Server) write(w http.ResponseWriter, status int, contentType string, answer any) {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(answer); err != nil {
		s.log.Error("answer cannot be encoded", "err", err)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // who went away needs no answer
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
				s.log.Error("handler panicked", "path", r.URL.Path, "fault", fault, "stack", string(debug.Stack()))
				problem.Write(w, contract.NewProblem(contract.Internal, "see the contract's log"))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// secure forbids browsers whatever the page does not need.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	routes := chi.RouteContext(r.Context()).Routes
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		if routes.Match(chi.NewRouteContext(), method, r.URL.Path) {
			allowed = append(allowed, method)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	problem.Write(w, contract.NewProblem(contract.MethodNotAllowed, fmt.Sprintf("%s takes %s", r.URL.Path, strings.Join(allowed, ", "))))
}

// readBody returns a body of one media type and at most limit bytes.
func readBody(r *http.Request, mediaType string, limit int64) ([]byte, error) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != mediaType {
		return nil, contract.NewProblem(contract.UnsupportedMedia, fmt.Sprintf("Content-Type is %q, expected %s", r.Header.Get("Content-Type"), mediaType))
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	var above *http.MaxBytesError
	switch {
	case errors.As(err, &above):
		return nil, contract.NewProblem(contract.TooLarge, fmt.Sprintf("the body has more than %d bytes", limit))
	case err != nil:
		return nil, contract.NewProblem(contract.Malformed, "the body ends early")
	}
	return body, nil
}

const maxEnrolBytes = 16 << 10

func (s *Server) postEnrol(r *http.Request) (any, error) {
	body, err := readBody(r, "application/json", maxEnrolBytes)
	if err != nil {
		return nil, err
	}
	var request contract.EnrolRequest
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return nil, contract.NewProblem(contract.Malformed, err.Error())
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, contract.NewProblem(contract.Malformed, "more than one JSON value")
	}
	return s.keeper.enrol(r.Context(), request)
}

func (s *Server) postSubmit(r *http.Request) (any, error) {
	body, err := readBody(r, contract.ContentType, s.keeper.bodyLimit())
	if err != nil {
		return nil, err
	}
	return s.keeper.submit(r.Context(), body)
}
