package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// AdminConfig configures the admin server. Signing needs Signer and Network.
type AdminConfig struct {
	Signer  block.Signer // signs with the node's key; nil: no such endpoint
	Network string       // the network of the signatures
	// Handlers are further endpoints by path, for callers that may have the node sign.
	Handlers map[string]http.Handler
}

// ownDomains is the prefix of the domain tags that Ephemera itself signs under. The endpoint
// refuses them, although the tag for programs precedes the caller's in what it signs.
const ownDomains = "ephemera/"

// Limits of what is signed.
const (
	maxDomain   = 64
	maxSignBody = 8 << 20 // enough for a block of reports
)

// NewAdmin binds the admin listener. It serves profiles under /debug/pprof, and signatures with the
// node's key over keys.ApplicationBytes, so that no signature serves two purposes. Of config it
// uses the listener, timeouts, Token and Logger. It serves only callers that may have the node
// sign: on loopback, or with the token.
func NewAdmin(admin AdminConfig, config Config) (*Server, error) {
	config.Registry = nil                                        // it is served elsewhere
	config.MaxBody = max(config.MaxBody, 2*maxSignBody+(16<<10)) // hexadecimal
	config.MemoryBytes = max(config.MemoryBytes, 2*webserver.LeastMemory(config.MaxBody))
	s, err := listen(nil, config.withDefaults(), unbounded)
	if err != nil {
		return nil, err
	}
	r, guard := chi.NewRouter(), s.guard()
	s.name, s.handler = "admin", r
	r.Use(webserver.RequestID, guard.Recover)
	r.Use(s.callers()...)
	r.Use(guard.OwnPages, s.onlyTrusted, guard.PlainURL, s.body(), guard.PlainJSON, s.web.Answering)
	r.NotFound(guard.NotFound(""))
	r.MethodNotAllowed(guard.MethodNotAllowed)
	r.Get("/debug/pprof/cmdline", pprof.Cmdline)
	r.Get("/debug/pprof/profile", pprof.Profile)
	r.Get("/debug/pprof/symbol", pprof.Symbol)
	r.Get("/debug/pprof/trace", pprof.Trace)
	r.Get("/debug/pprof/*", pprof.Index)
	if admin.Signer != nil {
		r.Post(api.PathSign, func(w http.ResponseWriter, r *http.Request) {
			answer, err := sign(admin, r)
			if err != nil {
				s.refuse(w, r, err)
				return
			}
			if err := webserver.WriteJSON(w, http.StatusOK, answer); err != nil {
				s.refuse(w, r, err)
			}
		})
	}
	for path, handler := range admin.Handlers {
		r.Handle(path, handler)
	}
	return s, nil
}

// unbounded is the write timeout of the admin listener: a profile takes as long as the caller
// wants.
const unbounded time.Duration = -1

// onlyTrusted refuses callers that may not have the node sign.
func (s *Server) onlyTrusted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !trusted(r.Context()) {
			s.refuse(w, r, api.NewProblem(api.Forbidden, "only for callers on this machine, or with the token (Authorization: Bearer …)"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func unprintable(c rune) bool { return c <= ' ' || c > '~' }

func sign(admin AdminConfig, r *http.Request) (api.SignAnswer, error) {
	var in api.SignRequest
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return api.SignAnswer{}, api.NewProblem(api.Malformed, err.Error())
	}
	switch {
	case in.Domain == "" || len(in.Domain) > maxDomain || strings.ContainsFunc(in.Domain, unprintable):
		return api.SignAnswer{}, api.NewProblem(api.Invalid, fmt.Sprintf("domain is %.70q, expected 1..%d printable ASCII characters", in.Domain, maxDomain))
	case strings.HasPrefix(in.Domain, ownDomains):
		return api.SignAnswer{}, api.NewProblem(api.Forbidden, fmt.Sprintf("domains that begin with %q are reserved for the node", ownDomains))
	case len(in.Body) > maxSignBody:
		return api.SignAnswer{}, api.NewProblem(api.TooLarge, fmt.Sprintf("body is %d bytes, at most %d are allowed (sign its hash instead)", len(in.Body), maxSignBody))
	}
	signature := admin.Signer.Sign(keys.ApplicationBytes(in.Domain, admin.Network, in.Body))
	return api.SignAnswer{Key: admin.Signer.Public(), Signature: signature}, nil
}
