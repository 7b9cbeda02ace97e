package service

import (
	"context"
	"encoding/json"
	"fmt"
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/local"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/telemetry"
)

// surface is the embedded node's API as others get it. The key is that of the Nym-API: it signs
// what was measured here, and nothing that a caller brings, also one on this machine.
type surface struct{ api.API }

// SubmitEphemeraMessage takes signed messages. Forbidden: one for the node to sign.
func (s surface) SubmitEphemeraMessage(ctx context.Context, submission api.Submission) (api.Submitted, error) {
	if submission.NodeSigns() {
		return api.Submitted{}, api.NewProblem(api.Forbidden,
			"this node's key is that of a Nym-API and signs its own reports only: submit a message that a member signed")
	}
	return s.API.SubmitEphemeraMessage(ctx, submission)
}

// listenAPI binds the address of the embedded node's API, so that one that is taken is told before
// anything else is tried. Whoever connects waits until the node is there. nil: no API is
// configured, or there will be no node.
func (s *Service) listenAPI(ctx context.Context) (net.Listener, error) {
	if s.config.API == "" || s.config.Mode == Single {
		return nil, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.config.API)
	if err != nil {
		return nil, fmt.Errorf("serve the node's API: %w; choose another address, port 0 takes a free one", err)
	}
	return listener, nil
}

// closeListener closes the API's listener where no server has it.
func (s *Service) closeListener() error {
	if s.listener == nil {
		return nil
	}
	return s.listener.Close()
}

// openAPI makes the server of the embedded node's API; nil: none is configured.
func (s *Service) openAPI(n *node) (*server.Server, error) {
	if s.listener == nil {
		return nil, nil
	}
	told, err := json.Marshal(map[string]any{
		"nymapi": s.config.Name, "gossip": s.config.Gossip, "submit": s.config.Submit, "ticks": s.config.Ticks,
	})
	if err != nil {
		return nil, fmt.Errorf("tell the configuration: %w", err)
	}
	figures := prometheus.NewRegistry()
	if err := figures.Register(telemetry.New(telemetry.Config{Node: n.Node, Version: s.config.Version})); err != nil {
		return nil, err
	}
	of := surface{local.New(n.Node, local.Config{Version: s.config.Version, Application: told})}
	served, err := server.New(of, server.Config{
		Listener: s.listener, Version: s.config.Version, Registry: figures,
		MaxBody: int64(n.bounds.HTTP.BodyBytes), MaxConnections: n.bounds.HTTP.Connections, RequestsPerSecond: n.bounds.HTTP.RequestsPerSecond,
		MaxSubscribers: n.bounds.WebSocket.Subscribers, Logger: s.config.Logger.With("logger", "api"),
	})
	if err == nil {
		s.listener = nil // the server closes it
	}
	return served, err
}

// API returns the URL on which the embedded node's API is served, "" before it is and where it is
// not.
func (s *Service) API() string {
	if n := s.node.Load(); n != nil && n.api != nil {
		return n.api.URL()
	}
	return ""
}
