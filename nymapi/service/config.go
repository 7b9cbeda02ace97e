package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
)

// ErrConfig reports an invalid configuration.
var ErrConfig = errors.New("invalid configuration")

// Mode says how results are produced.
type Mode string

// The modes.
const (
	Single   Mode = "single"   // the one authorised Nym-API submits what it measured
	Ephemera Mode = "ephemera" // members exchange reports and submit the results of certified blocks
	// Performance has no node, either: each member submits what it measured, before the epoch ends, by
	// the rules of Nym's performance contract.
	Performance Mode = "performance-contract"
)

// ParseMode parses a mode. The error wraps ErrConfig.
func ParseMode(text string) (Mode, error) {
	switch mode := Mode(text); mode {
	case Single, Ephemera, Performance:
		return mode, nil
	}
	return "", fmt.Errorf("%w: mode %q, expected single, ephemera or performance-contract", ErrConfig, text)
}

// Submission says when members submit.
type Submission string

// The orders of submissions.
const (
	Race   Submission = "race"   // all at once
	Staged Submission = "staged" // one after the other, see rewards.Place
)

// ParseSubmission parses an order of submissions. The error wraps ErrConfig.
func ParseSubmission(text string) (Submission, error) {
	switch order := Submission(text); order {
	case Race, Staged:
		return order, nil
	}
	return "", fmt.Errorf("%w: submissions %q, expected race or staged", ErrConfig, text)
}

// Config is the configuration of one Nym-API. Home, Contract and Source are required.
type Config struct {
	Name     string    // with which it enrols, default: nymapi-<Number>
	Number   int       // from 1, default: 1
	Home     string    // folder, created if it does not exist
	Lock     io.Closer // of the folder, see Lock; taken by Run if nil
	Mode     Mode      // default: Ephemera
	Contract string    // URL
	Token    string    // of the contract, for the enrolment

	Source collector.Source
	Ticks  int // per epoch, default: 4
	// SourceSettings are what Source was made from, by name. The log names those that differ from
	// the start before.
	SourceSettings map[string]string

	// Daemon is the Ephemera daemon in sidecar mode. Listen, Announce, Gossip, DHT and API are then
	// settings of the daemon.
	Daemon Daemon

	Listen   []string // multiaddrs, default: a free TCP port of 127.0.0.1
	Announce []string // multiaddrs at which others reach it, default: those it listens on
	Gossip   p2p.Mode // how reports spread, default: p2p.Flood
	// DHT has the embedded node join the hash table of the members. Members whose address changed
	// are found there, and what others can fetch of an epoch.
	DHT bool
	// API is the address, such as 127.0.0.1:3100, on which the embedded node serves its HTTP API,
	// WebSocket and metrics. Port 0 means a free one. Default: no API. Run binds it first; it
	// responds once the group is complete. Clients can read, and submit messages that members
	// signed, but the node signs nothing for them. Without a node, in the other modes, API is
	// ignored.
	API string
	// APIHosts are names, other than localhost and IP addresses, at which callers address the API.
	APIHosts []string
	// APIURLs are the URLs at which others reach API or, in sidecar mode, the health listener,
	// stated in the hash table. Default: the address of API; if that is all interfaces, with the
	// hosts at which others reach the node.
	APIURLs []string
	// APIProxies are the proxies in front of API, which are believed when they say who calls.
	APIProxies webserver.Proxies

	Version string // of the program, shown by the API

	Submit    Submission    // default: Race
	Retention time.Duration // of samples, default: 7 days
	Keep      int           // number of epochs in the database, default: 256
	// Bundles is the number of the newest epochs of which the core is kept as a file in the folder
	// bundles of Home, default: none.
	Bundles int

	// AcceptHistory continues once with a contract whose descriptions do not follow from the epochs
	// before: see epoch.Config.
	AcceptHistory bool

	// HTTPTransport is the transport for requests to the contract, default: a new one.
	HTTPTransport http.RoundTripper
	Behaviour     Behaviour
	Logger        *slog.Logger // default: none
}

// Behaviour changes what a Nym-API does, to simulate liars and faults. The zero value is honest.
type Behaviour struct {
	// Report returns the report to sign instead of the honest one. It is signed once for each
	// epoch.
	Report func(d contract.Description, honest metrics.Report) metrics.Report
	// Publish publishes a signed report instead of Publication.Submit. It may be called again for
	// the same epoch after an error or a restart.
	Publish func(ctx context.Context, p Publication) error
	// Transport wraps the node's transport.
	Transport func(transport.Transport) transport.Transport
}

// Publication is a signed report that is about to be published.
type Publication struct {
	Description contract.Description
	Message     block.Message
	// Sign signs another report for the same epoch.
	Sign func(metrics.Report) (block.Message, error)
	// Submit passes a message to the node, as an honest Nym-API does.
	Submit func(context.Context, block.Message) error
	// Transport is the node's transport, wrapped.
	Transport transport.Transport
}

func (c Config) withDefaults() Config {
	c.Number = cmp.Or(c.Number, 1)
	c.Name = cmp.Or(c.Name, fmt.Sprintf("nymapi-%d", c.Number))
	c.Mode = cmp.Or(c.Mode, Ephemera)
	c.Ticks = cmp.Or(c.Ticks, 4)
	c.Submit = cmp.Or(c.Submit, Race)
	c.Retention = cmp.Or(c.Retention, 7*24*time.Hour)
	c.Keep = cmp.Or(c.Keep, 256)
	c.Daemon.Admin = cmp.Or(c.Daemon.Admin, c.Daemon.URL)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// leastKeep is above the number of epochs that the contract keeps open or package epoch remembers.
const leastKeep = 64

// Validate returns nil if c is valid. Otherwise the error wraps ErrConfig and says what was
// expected.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case c.Home == "":
		return fmt.Errorf("%w: Home is missing, expected a folder", ErrConfig)
	case c.Contract == "":
		return fmt.Errorf("%w: Contract is missing, expected the URL of the contract", ErrConfig)
	case c.Source == nil:
		return fmt.Errorf("%w: Source is missing", ErrConfig)
	case c.Number < 1:
		return fmt.Errorf("%w: number %d, expected 1 or more", ErrConfig, c.Number)
	case c.Ticks < 1 || c.Ticks > collector.MaxTicks:
		return fmt.Errorf("%w: %d ticks, expected 1..%d", ErrConfig, c.Ticks, collector.MaxTicks)
	case c.Retention < 0:
		return fmt.Errorf("%w: retention %s, expected 0 or more", ErrConfig, c.Retention)
	case c.Bundles < 0:
		return fmt.Errorf("%w: bundles of %d epochs, expected 0 or more", ErrConfig, c.Bundles)
	case c.Keep < leastKeep:
		return fmt.Errorf("%w: %d epochs kept, expected at least %d", ErrConfig, c.Keep, leastKeep)
	}
	if _, err := client.New(c.Contract, c.HTTPTransport); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if c.Daemon != (Daemon{}) {
		if c.Mode != Ephemera {
			return fmt.Errorf("%w: mode %s with an Ephemera daemon, expected mode ephemera", ErrConfig, c.Mode)
		}
		if c.API != "" {
			return fmt.Errorf("%w: API on %s with an Ephemera daemon, expected none: the daemon serves its own (http.listen)", ErrConfig, c.API)
		}
		if err := c.Daemon.validate(); err != nil {
			return err
		}
	}
	if c.API != "" {
		if err := address.CheckHostPort(c.API); err != nil {
			return fmt.Errorf("%w: API: %w", ErrConfig, err)
		}
	}
	for _, text := range c.APIURLs {
		if _, err := address.ParseURL(text); err != nil {
			return fmt.Errorf("%w: URL of the API: %w", ErrConfig, err)
		}
	}
	if c.Gossip > p2p.Off {
		return fmt.Errorf("%w: gossip %s, expected flood, mesh, direct or off", ErrConfig, c.Gossip)
	}
	if err := contract.CheckName(c.Name); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if err := p2p.CheckListen(false, c.Listen...); err != nil {
		return fmt.Errorf("%w: listen: %w", ErrConfig, err)
	}
	if err := p2p.CheckAnnounce(c.Announce...); err != nil {
		return fmt.Errorf("%w: announce: %w", ErrConfig, err)
	}
	_, modeErr := ParseMode(string(c.Mode))
	_, submitErr := ParseSubmission(string(c.Submit))
	return errors.Join(modeErr, submitErr)
}
