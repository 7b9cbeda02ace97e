package server

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/scrape"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// routes returns the handler of all endpoints.
func (s *Server) routes() http.Handler {
	r := chi.NewRouter()
	guard := s.guard()
	r.Use(webserver.RequestID, guard.Recover, s.figures.requests.Observe)
	r.Use(s.callers()...)
	r.Use(guard.PlainURL, s.hosts)
	r.Use(middleware.GetHead, s.body(), guard.PlainJSON, s.web.Serve(guard, lanes))
	r.NotFound(guard.NotFound("; see " + api.PathDocs))
	r.MethodNotAllowed(guard.MethodNotAllowed)

	described := humachi.New(r, s.description())
	s.register(described)
	s.registerBlocks(described)
	described.OpenAPI().Paths[api.PathSubscribe] = s.describeSubscribe()
	schemas := described.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own, which no response uses
	delete(schemas, "ErrorDetail")

	r.Get(api.PathSubscribe, s.subscribe)
	r.Get(api.PathOpenAPI, s.serveDescription(described))
	s.registerDocs(r)
	for pattern, endpoint := range s.config.More {
		r.Get(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := endpoint(w, r); err != nil {
				s.refuse(w, r, err)
			}
		})
	}
	if s.config.Registry != nil {
		r.Method(http.MethodGet, api.PathTelemetry, scrape.Handler(s.config.Registry))
	}
	return r
}

// lanes says what requests share. The hash table and applications answer when they can.
var lanes = webserver.Lanes{
	api.PathLive: webserver.Probes, api.PathReady: webserver.Probes, api.PathHealth: webserver.Probes, api.PathTelemetry: webserver.Probes,
	api.PathConfig: webserver.Lookups, api.PathOpenAPI: webserver.Lookups, api.PathDocs: webserver.Lookups, "/": webserver.Lookups,
	api.PathSubmit: webserver.Waits, api.PathDHTStore: webserver.Waits, api.PathSubscribe: webserver.Direct,
}

// callers is the middleware that is about who calls.
func (s *Server) callers() chi.Middlewares {
	guard := s.guard()
	return append(webserver.SecurityHeaders("default-src 'none'; frame-ancestors 'none'"),
		guard.SameOrigin(), s.config.Proxies.ClientAddress, guard.RateLimit(s.config.RequestsPerSecond, lanes), trust(s.config.Token))
}

// body reads the JSON body of a request.
func (s *Server) body() func(http.Handler) http.Handler {
	return s.guard().Body("application/json", func() int64 { return s.config.MaxBody })
}

// description returns the part of the OpenAPI document that is not about endpoints.
func (s *Server) description() huma.Config {
	c := huma.DefaultConfig("Ephemera", s.config.Version)
	c.DocsPath, c.OpenAPIPath, c.SchemasPath = "", "", "" // huma's page loads scripts from elsewhere
	c.CreateHooks = nil
	c.Transformers = []huma.Transformer{ownProblems}
	c.RejectUnknownQueryParameters = true
	c.Info.Description = "A node of Ephemera, certified broadcast of blocks of signed messages. IDs, keys, hashes and signatures are " +
		"hexadecimal, payloads base64, times milliseconds since 1970. Errors are problem documents (RFC 9457) whose type is " +
		"urn:ephemera:problem:<kind>. New certified blocks are sent over the WebSocket at " + api.PathSubscribe + "."
	c.Tags = []*huma.Tag{
		{Name: "messages", Description: "Messages that clients broadcast."},
		{Name: "blocks", Description: "Certified blocks."},
		{Name: "node", Description: "The node and its groups."},
		{Name: "dht", Description: "A distributed hash table among the members. Nothing else depends on it."},
	}
	return c
}

// endpoint returns an operation that may fail with these kinds of problems and with those that any
// endpoint may have.
func endpoint(described huma.API, method, path, id, tag, summary string, refusals ...api.Kind) huma.Operation {
	schema := described.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[api.Problem](), true, "Problem")
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: -1, // the middleware has read the body, up to its limit
		Responses:    map[string]*huma.Response{},
	}
	refusals = append(refusals, api.Malformed, api.WrongHost, api.TooManyRequests, api.Internal)
	if method == http.MethodPost {
		refusals = append(refusals, api.TooLarge, api.UnsupportedMedia, api.TooSlow, api.Forbidden)
	}
	refusals = append(refusals, api.Invalid, api.Unavailable)
	for _, kind := range refusals {
		status := strconv.Itoa(kind.Status())
		known, ok := op.Responses[status]
		if !ok {
			known = &huma.Response{
				Description: "Problem of kind",
				Content:     map[string]*huma.MediaType{api.ProblemType: {Schema: schema}},
			}
			op.Responses[status] = known
		}
		known.Description += " " + string(kind)
	}
	op.Responses["default"] = &huma.Response{
		Description: "Any other problem", Content: map[string]*huma.MediaType{api.ProblemType: {Schema: schema}},
	}
	return op
}

// answer is a response body with status 200.
type answer[T any] struct{ Body T }

type nothing struct{}

// serveDescription serves the OpenAPI document, which is encoded once.
func (s *Server) serveDescription(described huma.API) http.HandlerFunc {
	document, err := json.Marshal(described.OpenAPI())
	return func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document) // an error means that the caller has gone
	}
}
