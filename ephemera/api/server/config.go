package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// Config configures a server. The zero values are the defaults.
type Config struct {
	Listen   string       // address; 127.0.0.1:0, a free port
	Listener net.Listener // used instead of Listen if not nil; the server closes it

	// Token allows callers on other machines to have the node sign: submissions without a
	// signature, and values stored in the DHT. They send it as "Authorization: Bearer <token>". If
	// it is empty, only callers on loopback may.
	Token string

	Version  string               // of the program, shown in the OpenAPI description
	Registry *prometheus.Registry // served at /metrics with the server's own metrics; nil: not served

	// More are endpoints of the program around the node, by the patterns of their paths. They
	// answer GET requests within the limits of the server, and are not in the OpenAPI description.
	More map[string]Endpoint

	MaxBody           int64         // bytes of a request body; 8 MiB
	ReadHeaderTimeout time.Duration // 5 s
	ReadTimeout       time.Duration // for a whole request; 30 s
	WriteTimeout      time.Duration // for a whole response; 30 s
	IdleTimeout       time.Duration // between two requests of a connection; 1 min
	MaxConnections    int           // one address may have half; see webserver.Config
	MemoryBytes       int64         // of bodies and answers; an address may have half; 64 MiB
	RequestsPerSecond int           // of one client address; 2000; probes do not count
	// Proxies are believed when they say in X-Forwarded-For whose request they pass on.
	Proxies webserver.Proxies

	MaxSubscribers int           // WebSocket connections, of which one address may have half; 256
	PingInterval   time.Duration // between two pings of a subscriber; 20 s
	PingTimeout    time.Duration // for the pong; 10 s
	// SlowAfter bounds the time that writing one frame to a subscriber may take; 5 s. A slower
	// subscriber is told that it lags and disconnected. If it needs more than twice that,
	// or than WriteTimeout, it is disconnected without notice.
	SlowAfter time.Duration
	// Origins are hosts, other than the server's own, whose pages may subscribe from a browser:
	// patterns such as "*.example.org".
	Origins []string
	// Hosts are further names under which callers address the server, without ports. Requests with
	// another Host header than these, localhost or an IP address are refused, except probes,
	// metrics and requests with the token. The admin server does not use it: all its callers are
	// trusted.
	Hosts []string

	Logger *slog.Logger // nothing is logged without it
}

// Endpoint answers a request. r.PathValue has the parameters of the path. After an error it has
// written nothing; the server answers with the problem, an *api.Problem or an internal one.
type Endpoint func(w http.ResponseWriter, r *http.Request) error

func (c Config) withDefaults() Config {
	setDefault(&c.Listen, "127.0.0.1:0")
	setDefault(&c.Version, "unknown")
	setDefault(&c.MaxBody, 8<<20)
	setDefault(&c.ReadHeaderTimeout, 5*time.Second)
	setDefault(&c.ReadTimeout, 30*time.Second)
	setDefault(&c.WriteTimeout, 30*time.Second)
	setDefault(&c.IdleTimeout, time.Minute)
	setDefault(&c.MaxConnections, 1024)
	setDefault(&c.MemoryBytes, 64<<20)
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

// Validate returns what is wrong with the configuration.
func (c Config) Validate() error {
	c = c.withDefaults()
	if min(c.ReadHeaderTimeout, c.ReadTimeout, c.WriteTimeout, c.IdleTimeout, c.PingInterval, c.PingTimeout, c.SlowAfter) < 0 {
		return errors.New("API server: a duration is negative (leave it out for the default)")
	}
	if min(c.MaxBody, c.MemoryBytes, int64(c.MaxConnections), int64(c.RequestsPerSecond), int64(c.MaxSubscribers)) < 0 {
		return errors.New("API server: a limit is negative (leave it out for the default)")
	}
	for _, name := range c.Hosts {
		if err := webserver.CheckHost(name); err != nil {
			return fmt.Errorf("API server: %w", err)
		}
	}
	return nil
}
