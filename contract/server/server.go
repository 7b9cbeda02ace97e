// Package server is the simulated smart contract: it keeps the epochs, the membership and the first
// valid result of each epoch, and answers over HTTP. It trusts nobody: package verify recomputes
// every submission from signed reports before it is stored.
//
// New opens the database and the listener, Run serves until its context ends. Package store holds
// everything durable, package ledger decides everything about time. Package contract defines
// requests and answers, package client sends the requests, and cmd/contract is the program.
//
// The package is unstable: it is public only because the modules of this repository share it.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// Server is a contract that listens. Its methods are safe for concurrent use.
type Server struct {
	keeper  *keeper
	web     *webserver.Server
	log     *slog.Logger
	closing sync.Once
	closed  error
}

// New opens the listener, the contract's key and its database, in this order. Nothing is answered
// before Run; a server that is not run must be closed.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	limit := descriptors.Limit()
	callers, err := connections(limit)
	if err != nil {
		return nil, err
	}
	if limit < fewDescriptors {
		cfg.Logger.Warn("the process may have few files and connections open: callers share what the database leaves",
			"limit", limit, "wanted", fewDescriptors, "connections", callers, "advice", descriptors.Advice)
	}
	early, err := listenEarly(cfg)
	if err != nil {
		return nil, err
	}
	keeper, err := newKeeper(context.Background(), cfg)
	if early != nil {
		cfg.Listener = early.Listener()
	}
	if err != nil {
		return nil, errors.Join(err, closeListener(cfg.Listener))
	}
	web, err := webserver.New(webserver.Config{
		Listen: cfg.Listen, Listener: cfg.Listener, IdleTimeout: 2 * time.Minute, Logger: cfg.Logger,
		MemoryBytes: cfg.MemoryBytes / memoryShare, Proxies: cfg.Proxies, MaxConnections: callers,
	})
	if err != nil {
		return nil, errors.Join(err, keeper.store.Close())
	}
	return &Server{keeper: keeper, web: web, log: cfg.Logger}, nil
}

// MemoryBytes returns how much memory callers may make the contract use: that of the configuration,
// or its default.
func (s *Server) MemoryBytes() int64 { return s.keeper.cfg.MemoryBytes }

// listenEarly answers liveness probes while the database is opened, which waits if another program
// has locked it. An address in use is reported before anything is created. It returns nil if the
// configuration has a listener.
func listenEarly(cfg Config) (*webserver.Early, error) {
	if cfg.Listener != nil {
		return nil, nil
	}
	s := &Server{log: cfg.Logger}
	waiting := webserver.Guard{Refuse: s.fail, Logger: cfg.Logger}.Starting(contract.PathLive, func() string { return "opening the database" })
	return webserver.ListenEarly(cfg.Listen, waiting, cfg.Logger)
}

func closeListener(listener net.Listener) error {
	if listener == nil {
		return nil
	}
	return listener.Close()
}

// URL returns the address that the server listens on, such as http://127.0.0.1:8080.
func (s *Server) URL() string { return s.web.URL() }

// Run serves until ctx ends, then finishes the requests under way, closes everything and returns
// nil. It returns an error if serving or closing fails, or if the database is replaced or deleted
// meanwhile. It must be called at most once.
func (s *Server) Run(ctx context.Context) error {
	s.log.Info("contract listens", "url", s.URL(), "key", s.keeper.key.Public())
	timed, stop := context.WithCancel(ctx)
	var clock sync.WaitGroup
	var stopped error
	clock.Go(func() { descriptors.Watch(timed, s.log) })
	clock.Go(func() { s.keepSealing(timed) })
	clock.Go(func() {
		defer stop()
		stopped = s.keepTime(timed)
	})
	err := s.web.Run(timed, s.routes())
	stop()
	clock.Wait()
	return errors.Join(stopped, err, s.Close())
}

// checkEvery is the longest time until a replaced database is noticed when no epoch is settled.
const checkEvery = 2 * time.Second

// keepTime carries out what is due until ctx ends. It returns an error if no epoch can be settled
// any more.
func (s *Server) keepTime(ctx context.Context) error {
	for {
		wait, err := s.keeper.wait(context.WithoutCancel(ctx))
		if stopped := s.keeper.store.Stopped(); stopped != nil {
			return stopped
		}
		if err != nil {
			s.log.Error("cannot advance the epochs", "err", err)
		}
		if wait == 0 {
			wait = checkEvery
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(wait, checkEvery)):
		case <-s.keeper.wake:
		}
	}
}

// Backup writes a consistent copy of the database to a file, which it replaces if it exists.
func (s *Server) Backup(ctx context.Context, to string) error { return s.keeper.store.Backup(ctx, to) }

// Close releases what New opened. Run calls it.
func (s *Server) Close() error {
	s.closing.Do(func() {
		_ = s.web.Close() // after Run it is closed already
		s.closed = s.keeper.store.Close()
	})
	return s.closed
}
