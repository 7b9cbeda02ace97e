package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/problem"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/scrape"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// pagePolicy allows browsers only the page's own style sheet.
const pagePolicy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// routes are the endpoints. Every answer that is not one of theirs is a problem document.
func (s *Server) routes() chi.Router {
	guard := webserver.Guard{Refuse: s.fail, Logger: s.log}
	r := chi.NewRouter()
	r.Use(guard.Recover, s.keeper.figures.requests.Observe)
	r.Use(webserver.SecurityHeaders(pagePolicy)...)
	r.Use(guard.PlainURL, guard.Hosts(s.keeper.cfg.Hosts, "--host of contract serve", contract.PathLive, contract.PathReady))
	r.Use(s.keeper.cfg.Proxies.ClientAddress, guard.RateLimit(s.requestsPerSecond(), lanes), middleware.GetHead)
	r.NotFound(guard.NotFound("; see /"))
	r.MethodNotAllowed(guard.MethodNotAllowed)
	served := s.web.Serve(guard, lanes)
	read, limited := r.With(served), r.With(guard.RateLimit(s.postsPerSecond(), nil))
	endpoints := s.endpoints()
	for _, e := range endpoints {
		if e.body == nil {
			read.Get(e.path, e.handler)
			continue
		}
		checks := chi.Middlewares{guard.Body(e.body.media, e.body.limit)}
		if e.body.json != nil {
			checks = append(checks, guard.PlainJSON)
		}
		limited.With(append(checks, served)...).Post(e.path, e.handler)
	}
	s.serveDocs(read, endpoints)
	read.Get("/", s.getPage)
	read.Get(epochPages+"{id}", s.getEpochPage)
	read.Get("/style.css", getStyle)
	read.Method(http.MethodGet, contract.PathMetrics, scrape.Handler(s.keeper.figures.registry))
	return r
}

// lanes says what requests share. Submissions wait for their check.
var lanes = webserver.Lanes{
	contract.PathEpoch: webserver.Lookups, contract.PathPeerInfo: webserver.Lookups, "/style.css": webserver.Lookups,
	contract.PathOpenAPI: webserver.Lookups, contract.PathDocs: webserver.Lookups,
	contract.PathLive: webserver.Probes, contract.PathReady: webserver.Probes, contract.PathMetrics: webserver.Probes,
	contract.PathEnrol: webserver.Waits, contract.PathSubmit: webserver.Waits,
	contract.PathBatch: webserver.Waits,
}

type status struct {
	Status string `json:"status"`
}

// postsPerSecond bounds the posts of one address: there is room for all members behind it.
func (s *Server) postsPerSecond() int { return 100 + 20*s.keeper.cfg.expected() }

// requestsPerSecond bounds all requests of one address but probes.
func (s *Server) requestsPerSecond() int { return max(2000, 2*s.postsPerSecond()) }

// handle writes what endpoint returns as JSON, or its error as a problem.
func (s *Server) handle(endpoint func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := endpoint(r)
		if err == nil {
			err = webserver.WriteJSON(w, http.StatusOK, answer)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

const seeLog = "see the contract's log"

// fail answers with the problem document of an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var known *contract.Problem
	var refused *webserver.Refusal
	switch {
	case errors.As(err, &known):
	case errors.As(err, &refused) && refused.Status == http.StatusInternalServerError:
		// The middleware has logged it.
		known = contract.NewProblem(contract.Internal, seeLog)
	case refused != nil:
		known = contract.NewProblem(kindOf(refused.Status), refused.Detail)
		known.RetryAfterMS = refused.RetryAfter.Milliseconds()
	case errors.Is(err, store.ErrNotFound):
		known = contract.NewProblem(contract.NotFound, "no such epoch, or it has no winner")
	case diskfault.Passes(err): // the store has logged it
		known = contract.NewProblem(contract.Unavailable, "the contract's database takes no writes for now")
		known.RetryAfterMS = time.Second.Milliseconds()
	case r.Context().Err() != nil:
		s.log.Debug("request abandoned", "method", r.Method, "path", r.URL.Path, "err", err)
		return // the caller has left
	default:
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		known = contract.NewProblem(contract.Internal, seeLog)
	}
	problem.Write(w, known)
}

// kindOf returns the kind of problem that the middleware means by a status.
func kindOf(status int) contract.Kind {
	switch status {
	case http.StatusBadRequest, http.StatusRequestTimeout:
		return contract.Malformed
	case http.StatusNotFound:
		return contract.NotFound
	case http.StatusMethodNotAllowed:
		return contract.MethodNotAllowed
	case http.StatusRequestEntityTooLarge:
		return contract.TooLarge
	case http.StatusUnsupportedMediaType:
		return contract.UnsupportedMedia
	case http.StatusTooManyRequests:
		return contract.TooManyRequests
	case http.StatusMisdirectedRequest:
		return contract.WrongHost
	case http.StatusServiceUnavailable:
		return contract.Unavailable
	}
	return contract.Internal
}

const maxEnrolBytes = 16 << 10

func (s *Server) postEnrol(r *http.Request) (any, error) {
	var request contract.EnrolRequest
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return nil, contract.NewProblem(contract.Malformed, err.Error())
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, contract.NewProblem(contract.Malformed, "more than one JSON value")
	}
	return s.keeper.enrol(r.Context(), request)
}

func (s *Server) postBatch(r *http.Request) (any, error) {
	answer, err := s.keeper.submitBatch(r.Context(), webserver.BodyBytes(r))
	s.keeper.figures.submitted(err)
	return answer, err
}

func (s *Server) postSubmit(r *http.Request) (any, error) {
	receipt, err := s.keeper.submit(r.Context(), webserver.BodyBytes(r))
	s.keeper.figures.submitted(err)
	return receipt, err
}
