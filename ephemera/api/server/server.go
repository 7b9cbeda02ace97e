package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
)

// Server is an API that listens. Its methods are safe for concurrent use.
type Server struct {
	config   Config
	api      api.API
	listener net.Listener
	http     *http.Server
	figures  *figures

	connections *connections
	subscribing sync.WaitGroup
	subscribers chan struct{} // has room for as many as there may be
}

// New binds the listener. Nothing is answered before Run; whoever does not call Run calls Close.
func New(of api.API, config Config) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	s := &Server{config: config, api: of, subscribers: make(chan struct{}, config.MaxSubscribers)}
	s.connections = newConnections(config.MaxConnections)
	var err error
	if s.figures, err = newFigures(config.Registry); err != nil {
		return nil, fmt.Errorf("API server: register figures (each server needs a registry of its own): %w", err)
	}
	s.listener = config.Listener
	if s.listener == nil {
		if s.listener, err = net.Listen("tcp", config.Listen); err != nil {
			return nil, fmt.Errorf("listen on %s: %w; choose another address, port 0 takes a free one", config.Listen, err)
		}
	}
	s.http = newHTTP(s.routes(), config)
	s.http.ConnState, s.http.ConnContext = s.connections.note, remember
	return s, nil
}

// newHTTP returns a server whose waits are bounded.
func newHTTP(handler http.Handler, c Config) *http.Server {
	return &http.Server{
		Handler: handler, MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: c.ReadHeaderTimeout, ReadTimeout: c.ReadTimeout, WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout,
		ErrorLog: errorLog(c.Logger),
	}
}

// URL returns the address that the server listens on, such as http://127.0.0.1:8080.
func (s *Server) URL() string { return urlOf(s.listener) }

func urlOf(listener net.Listener) string {
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return "http://" + listener.Addr().String()
	}
	if address.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", address.Port)
	}
	return "http://" + address.String()
}

// stopTimeout is how long requests under way may take once the server stops.
const stopTimeout = 5 * time.Second

// Run serves until ctx ends, then finishes the requests under way, tells subscribers that the node
// goes away, and returns nil; or it returns what went wrong. It is called once.
func (s *Server) Run(ctx context.Context) error {
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	s.config.Logger.Info("API listens", "url", s.URL())
	serving := make(chan error, 1)
	go func() { serving <- s.http.Serve(s.listener) }()
	select {
	case err := <-serving:
		return fmt.Errorf("serve on %s: %w", s.listener.Addr(), err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	_ = s.listener.Close() // nobody new; Shutdown closes it again
	<-serving
	s.connections.cut()
	if err := s.http.Shutdown(stopping); err != nil {
		_ = s.http.Close() // its only errors are those of connections that are cut anyway
	}
	s.subscribing.Wait() // they end with ctx
	return nil
}

// Close releases the listener of a server that is not run.
func (s *Server) Close() error { return s.listener.Close() }
