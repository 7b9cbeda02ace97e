package server

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// Server is an API that listens. Its methods are safe for concurrent use.
type Server struct {
	name    string // public or admin
	config  Config
	api     api.API
	web     *webserver.Server
	handler http.Handler
	figures *figures

	frames      *frames
	subscribing sync.WaitGroup
	subscribers *webserver.Shares // places
}

// New binds the listener. Nothing is answered before Run; a server that is not run must be closed.
func New(of api.API, config Config) (*Server, error) {
	config = config.withDefaults()
	s, err := listen(of, config, config.WriteTimeout)
	if err != nil {
		return nil, err
	}
	s.name, s.handler = "public", s.routes()
	return s, nil
}

// frameShare is the part of Config.MemoryBytes that encoded blocks may have in addition, which are
// kept for subscribers.
const frameShare = 8

// listen returns a server without a handler.
func listen(of api.API, config Config, writeTimeout time.Duration) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	s := &Server{config: config, api: of, frames: newFrames(config.MemoryBytes / frameShare), subscribers: webserver.NewShares(int64(config.MaxSubscribers), 0)}
	var err error
	if s.figures, err = newFigures(config.Registry); err != nil {
		return nil, fmt.Errorf("API server: register figures (each server needs a registry of its own): %w", err)
	}
	s.web, err = webserver.New(webserver.Config{
		Listen: config.Listen, Listener: config.Listener, Logger: config.Logger, MaxConnections: config.MaxConnections,
		ReadHeaderTimeout: config.ReadHeaderTimeout, ReadTimeout: config.ReadTimeout, WriteTimeout: writeTimeout, IdleTimeout: config.IdleTimeout,
		MemoryBytes: config.MemoryBytes, Proxies: config.Proxies,
		CancelRequests: true, // or the node would wait for its subscribers
	})
	return s, err
}

// Starting returns a handler for the address of a node that cannot serve its API yet: it answers
// /livez, and refuses everything else as api.Unavailable. What says what the node waits for.
func Starting(what func() string) http.Handler {
	s := &Server{config: Config{}.withDefaults()}
	return webserver.RequestID(s.guard().Starting(api.PathLive, what))
}

// guard refuses requests with the API's problem documents.
func (s *Server) guard() webserver.Guard {
	return webserver.Guard{Refuse: s.refuse, Logger: s.config.Logger}
}

// URL returns the address that the server listens on, such as http://127.0.0.1:8080.
func (s *Server) URL() string { return s.web.URL() }

// Run serves until ctx ends, then finishes the requests under way, tells subscribers that the node
// stops, and returns nil. If serving fails, it returns the error. It must be called at most once.
func (s *Server) Run(ctx context.Context) error {
	s.config.Logger.Info("API is listening", "api", s.name, "url", s.URL())
	err := s.web.Run(ctx, s.handler)
	if err == nil {
		s.subscribing.Wait() // they end with ctx
	}
	return err
}

// Close releases the listener of a server that is not run.
func (s *Server) Close() error { return s.web.Close() }
