package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/local"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/telemetry"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/webserver"
)

// servedAPI is the embedded node's API for other programs. The node's key is that of the Nym-API,
// so it signs only this Nym-API's reports and nothing for callers, not even on this machine.
type servedAPI struct{ api.API }

// SubmitEphemeraMessage accepts signed messages. A message for the node to sign is api.Forbidden.
func (s servedAPI) SubmitEphemeraMessage(ctx context.Context, submission api.Submission) (api.Submitted, error) {
	if submission.NodeSigns() {
		return api.Submitted{}, api.NewProblem(api.Forbidden,
			"the node's key belongs to a Nym-API and signs only its reports: submit a message that a member signed")
	}
	return s.API.SubmitEphemeraMessage(ctx, submission)
}

// listenAPI binds the address of the embedded node's API early, so that an address in use is
// reported before anything else happens, and liveness probes are answered while the Nym-API waits
// to start. It does nothing if no API is configured or there is no node.
func (s *Service) listenAPI() (err error) {
	if s.config.API == "" || s.config.Mode != Ephemera {
		return nil
	}
	what := func() string { return "waiting for the contract and for the other members" }
	if s.early, err = webserver.ListenEarly(s.config.API, server.Starting(what), s.config.Logger); err != nil {
		return fmt.Errorf("serve the node's API: %w", err)
	}
	return nil
}

// closeEarly closes the API's listener unless a server has it.
func (s *Service) closeEarly() error {
	if s.early == nil {
		return nil
	}
	return s.early.Close()
}

// openAPI creates the server of the embedded node's API, nil if none is configured.
func (s *Service) openAPI(n *node) (*server.Server, error) {
	if s.early == nil {
		return nil, nil
	}
	told, err := json.Marshal(map[string]any{
		"nymapi": s.config.Name, "gossip": s.config.Gossip, "submit": s.config.Submit, "ticks": s.config.Ticks,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the configuration: %w", err)
	}
	registry := prometheus.NewRegistry()
	for _, part := range []prometheus.Collector{telemetry.New(telemetry.Config{Node: n.Node, Version: s.config.Version}), s.Figures()} {
		if err := registry.Register(part); err != nil {
			return nil, err
		}
	}
	of := servedAPI{local.New(n.Node, local.Config{DHT: n.tableAPI(), Version: s.config.Version, Application: told})}
	listener := s.early.Listener()
	served, err := server.New(of, server.Config{
		More: s.endpoints(), Listener: listener, Hosts: s.config.APIHosts, Version: s.config.Version, Registry: registry,
		MaxBody: int64(n.bounds.HTTP.BodyBytes), MaxConnections: n.bounds.HTTP.Connections, RequestsPerSecond: n.bounds.HTTP.RequestsPerSecond,
		MemoryBytes: n.bounds.HTTP.MemoryBytes, Proxies: s.config.APIProxies,
		MaxSubscribers: n.bounds.WebSocket.Subscribers, Logger: s.config.Logger.With("logger", "api"),
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return served, nil
}

// API returns the URL of the embedded node's API, "" while it is not served.
func (s *Service) API() string {
	if n := s.node.Load(); n != nil && n.api != nil {
		return n.api.URL()
	}
	return ""
}
