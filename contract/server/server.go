// Package server is the simulated smart contract: it keeps the epochs, the membership and the first
// valid result of each epoch, and answers over HTTP. It believes nobody: package verify recomputes
// every submission from signed reports before it is stored.
//
// New opens the database and the listener, Run serves until its context ends. Everything durable is
// in package store, everything about time in package ledger; the requests and answers are package
// contract, and package client asks them. The program around it is cmd/contract.
//
// The package is unstable: it is public only because the modules of this repository share it.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a contract that listens. Its methods are safe for concurrent use.
type Server struct {
	keeper   *keeper
	listener net.Listener
	http     *http.Server
	log      *slog.Logger
	closing  sync.Once
	closed   error
}

// New opens the contract's key, its database and its listener. Nothing is answered before Run.
// Whoever does not call Run calls Close.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	keeper, err := newKeeper(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	listener := cfg.Listener
	if listener == nil {
		if listener, err = net.Listen("tcp", cfg.Listen); err != nil {
			return nil, errors.Join(fmt.Errorf("listen on %s: %w; choose another address, port 0 takes a free one", cfg.Listen, err), keeper.store.Close())
		}
	}
	s := &Server{keeper: keeper, listener: listener, log: cfg.Logger}
	s.http = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

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

// Run serves until ctx ends, then finishes the requests under way, closes everything and returns
// nil; or it returns what went wrong. It is called once.
func (s *Server) Run(ctx context.Context) error {
	serving := make(chan error, 1)
	go func() { serving <- s.http.Serve(s.listener) }()
	s.log.Info("contract listens", "url", s.URL(), "key", s.keeper.key.Public())
	failed := s.keepTime(ctx, serving)

	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := s.http.Shutdown(stopping); err != nil {
		s.log.Warn("requests cut off", "err", err)
		_ = s.http.Close() // its only errors are those of connections that are cut anyway
	}
	if failed == nil {
		<-serving
	}
	return errors.Join(failed, s.Close())
}

// keepTime carries out what is due until ctx ends, which is nil, or serving fails.
func (s *Server) keepTime(ctx context.Context, serving <-chan error) error {
	for {
		wait, err := s.keeper.wait(context.WithoutCancel(ctx))
		if err != nil {
			s.log.Error("cannot advance the epochs", "err", err)
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-serving:
			return fmt.Errorf("serve: %w", err)
		case <-due:
		case <-s.keeper.wake:
		}
	}
}

// Backup writes a consistent copy of the database to a file of its own, which replaces one that is
// there.
func (s *Server) Backup(ctx context.Context, to string) error { return s.keeper.store.Backup(ctx, to) }

// Close releases what New opened. Run calls it.
func (s *Server) Close() error {
	s.closing.Do(func() {
		_ = s.listener.Close() // closed by Shutdown already, after Run
		s.closed = s.keeper.store.Close()
	})
	return s.closed
}
