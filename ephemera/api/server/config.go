package server

import (
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says how the API is served. Zero values are the defaults.
type Config struct {
	Listen   string       // address; 127.0.0.1:0, a free port
	Listener net.Listener // used instead of Listen, and closed in the end

	// Token lets callers that are not on this machine have the node sign for them: submissions without
	// a signature, and what is stored in the DHT. They send it as "Authorization: Bearer <token>".
	// Empty: only callers on loopback may.
	Token string

	Version  string               // of the program, told in the OpenAPI description
	Registry *prometheus.Registry // served at /metrics, with the server's own figures; nil: there is no such endpoint

	MaxBody           int64         // bytes of a request's body; 8 MiB, room for the greatest default payload many times over
	ReadHeaderTimeout time.Duration // 5 s
	ReadTimeout       time.Duration // for a whole request; 30 s
	WriteTimeout      time.Duration // for a whole answer; 30 s
	IdleTimeout       time.Duration // between two requests of a connection; 1 min
	MaxConnections    int           // 1024; above it the connection that has been idle for the longest is closed
	RequestsPerSecond int           // of one client's address; 2000

	MaxSubscribers int           // WebSocket connections; 256
	PingInterval   time.Duration // between two pings of a subscriber; 20 s
	PingTimeout    time.Duration // for its answer; 10 s
	// SlowAfter is how long one frame to a subscriber may take; 5 s. A subscriber for whom it takes
	// longer is told that it lags, and cut; one that takes not even that in, within WriteTimeout, is
	// cut at once.
	SlowAfter time.Duration
	// Origins are hosts, beside the server's own, whose pages may subscribe from a browser: patterns
	// such as "*.example.org".
	Origins []string

	Logger *slog.Logger // nothing is logged without it
}

func (c Config) withDefaults() Config {
	setDefault(&c.Listen, "127.0.0.1:0")
	setDefault(&c.Version, "unknown")
	setDefault(&c.MaxBody, 8<<20)
	setDefault(&c.ReadHeaderTimeout, 5*time.Second)
	setDefault(&c.ReadTimeout, 30*time.Second)
	setDefault(&c.WriteTimeout, 30*time.Second)
	setDefault(&c.IdleTimeout, time.Minute)
	setDefault(&c.MaxConnections, 1024)
	setDefault(&c.RequestsPerSecond, 2000)
	setDefault(&c.MaxSubscribers, 256)
	setDefault(&c.PingInterval, 20*time.Second)
	setDefault(&c.PingTimeout, 10*time.Second)
	setDefault(&c.SlowAfter, 5*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate tells what a server cannot run with.
func (c Config) Validate() error {
	c = c.withDefaults()
	if min(c.ReadHeaderTimeout, c.ReadTimeout, c.WriteTimeout, c.IdleTimeout, c.PingInterval, c.PingTimeout, c.SlowAfter) < 0 {
		return errors.New("API server: a time is negative; leave it out for the default")
	}
	if min(c.MaxBody, int64(c.MaxConnections), int64(c.RequestsPerSecond), int64(c.MaxSubscribers)) < 0 {
		return errors.New("API server: a bound is negative; leave it out for the default")
	}
	return nil
}
