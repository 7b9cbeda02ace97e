// Package webserver is the part of an HTTP API that does not depend on what the API serves: a
// server whose waits are bounded and that stops in time (Server), and the middleware in front of
// handlers (Guard). Where chi has a middleware for the same job, the APIs use chi's.
//
// Every limit on callers has its place here: of one connection in Config, of all connections and of
// those of one address in connections.go, of what requests take at a time in lanes.go and
// shares.go, of how slowly a caller may send and read in body.go and pace.go, of requests in
// guard.go. Proxies is the only place that says which address a caller has.
//
// Callers can make a server use at most this much memory: for each of MaxConnections, and of the
// requests that lanes work on, MaxHeaderBytes and 32 KiB; MemoryBytes, and while requests are
// decoded up to three times as much again; and what two handlers need that load something large.
// Memory that one caller takes from another counts until the other's request has let go of it. The
// garbage collector may double it, unless the program sets a limit. The system buffers at most
// 256 KiB for each connection.
//
// The package is unstable: it is public only because the modules of this repository share it.
package webserver

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
)

// Config says how a server listens and how long it waits. Zero values are the defaults.
type Config struct {
	Listen   string       // address; 127.0.0.1:0, a free port
	Listener net.Listener // used instead of Listen, and closed in the end

	ReadHeaderTimeout time.Duration // 5 s
	ReadTimeout       time.Duration // of a whole request; 30 s
	WriteTimeout      time.Duration // of a whole answer; 30 s, and a negative one is no bound
	IdleTimeout       time.Duration // between two requests of a connection; 1 min
	MaxHeaderBytes    int           // 16 KiB

	// PieceTimeout is how long a caller may take to send or read 64 KiB of a body; 5 s. What it takes
	// for all of it is bounded by ReadTimeout and WriteTimeout.
	PieceTimeout time.Duration

	// MaxConnections bounds the open connections, of which one address may have half; 1024, or a
	// quarter of the files that the process may have open, whichever is less. An eighth of them is for
	// those that are being closed. Above the others, the server closes a connection of the address
	// that has the most: one without a complete request, or else one that reads slowly, or else one
	// that it works on.
	MaxConnections int
	// MemoryBytes bounds the bodies that are being read and the answers that are being written, of
	// which one address may have half; 64 MiB. A body of more than 4 KiB takes twice its size when it
	// is complete, and stays until its handler has made the answer.
	MemoryBytes int64
	// Proxies are trusted to say for whom they send a request.
	Proxies Proxies

	// CancelRequests cancels the contexts of requests when the server stops. Otherwise requests may
	// finish within stopTimeout.
	CancelRequests bool

	Logger *slog.Logger // nothing is logged without it
}

func (c Config) withDefaults() Config {
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:0")
	c.ReadHeaderTimeout = cmp.Or(c.ReadHeaderTimeout, 5*time.Second)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 30*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 30*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, time.Minute)
	c.MaxHeaderBytes = cmp.Or(c.MaxHeaderBytes, 16<<10)
	c.PieceTimeout = cmp.Or(c.PieceTimeout, 5*time.Second)
	c.MaxConnections = cmp.Or(c.MaxConnections, max(1, min(1024, descriptors.Limit()/4)))
	c.MemoryBytes = cmp.Or(c.MemoryBytes, 64<<20)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Server is an HTTP server that listens. Its methods are safe for concurrent use.
type Server struct {
	config      Config
	listener    net.Listener
	http        *http.Server
	connections *connections
	memory      *Shares   // for bodies, and answers that are not to probes
	pieces      sync.Pool // of *[pieceBytes]byte, that bodies have used
	lanes       []lane
	answers     *answers
}

func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; choose another address, port 0 takes a free one", address, err)
	}
	return listener, nil
}

// New binds the listener. Nothing is answered before Run; a server that is not run must be closed.
func New(config Config) (*Server, error) {
	config = config.withDefaults()
	listener := config.Listener
	if listener == nil {
		var err error
		if listener, err = listen(config.Listen); err != nil {
			return nil, err
		}
	}
	memory := NewShares(config.MemoryBytes, oldHold)
	s := &Server{
		config: config, listener: severing{&reporting{Listener: listener, logger: config.Logger}}, connections: newConnections(config.MaxConnections, config.Proxies),
		memory: memory, lanes: newLanes(memory), answers: newAnswers(),
	}
	s.http = &http.Server{
		MaxHeaderBytes:    config.MaxHeaderBytes,
		ReadHeaderTimeout: config.ReadHeaderTimeout, ReadTimeout: config.ReadTimeout,
		WriteTimeout: config.WriteTimeout, IdleTimeout: config.IdleTimeout,
		ConnState: s.connections.note,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, &connection{conn.(*severable), s})
		},
		ErrorLog: slog.NewLogLogger(config.Logger.Handler(), slog.LevelDebug), // about bad clients
	}
	return s, nil
}

// writeBufferBytes bounds what the system buffers for a caller that does not read. By default, it
// takes several megabytes, and a caller would get as much made for it without reading a byte.
const writeBufferBytes = 256 << 10

// URL returns the address that the server listens on, such as http://127.0.0.1:8080.
func (s *Server) URL() string {
	address, ok := s.listener.Addr().(*net.TCPAddr)
	if !ok {
		return "http://" + s.listener.Addr().String()
	}
	if address.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", address.Port)
	}
	return "http://" + address.String()
}

// stopTimeout is how long requests under way may take once the server stops.
const stopTimeout = 5 * time.Second

// Run serves until ctx ends, then finishes the requests under way and returns nil. If serving
// fails, it returns the error. It must be called at most once. It does not wait for connections
// that a handler has taken over, such as WebSockets.
func (s *Server) Run(ctx context.Context, handler http.Handler) error {
	s.http.Handler = handler
	if s.config.CancelRequests {
		s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	}
	serving := make(chan error, 1)
	go func() { serving <- s.http.Serve(s.listener) }()
	select {
	case err := <-serving:
		_ = s.http.Close() // its only errors are those of connections that are cut anyway
		return fmt.Errorf("serve on %s: %w", s.listener.Addr(), err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	_ = s.listener.Close() // no new connections; Shutdown closes it again
	<-serving
	s.connections.cut()
	if err := s.http.Shutdown(stopping); err != nil {
		s.config.Logger.Warn("requests cut off", "err", err)
		_ = s.http.Close() // as above
	}
	return nil
}

// Close releases the listener of a server that is not run.
func (s *Server) Close() error { return s.listener.Close() }
