package service_test

import (
	"context"
	"sync"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// gate is a transport that loses chosen frames in both directions.
type gate struct {
	transport.Transport

	mu   sync.Mutex
	lose func(peer keys.Public, gossip bool) bool // nil loses nothing
}

// shut sets which frames the gate loses.
func (g *gate) shut(lose func(peer keys.Public, gossip bool) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lose = lose
}

func (g *gate) loses(peer keys.Public, gossip bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lose != nil && g.lose(peer, gossip)
}

func (g *gate) Run(ctx context.Context, r transport.Receiver) error {
	return g.Transport.Run(ctx, gatedReceiver{Receiver: r, gate: g})
}

func (g *gate) Send(to keys.Public, frame []byte) bool {
	return g.loses(to, false) || g.Transport.Send(to, frame)
}

// Publish loses a frame for all members if gossip is lost. The receivers' gates decide for single
// members.
func (g *gate) Publish(frame []byte) bool {
	return g.loses(keys.Public{}, true) || g.Transport.Publish(frame)
}

type gatedReceiver struct {
	transport.Receiver
	gate *gate
}

func (r gatedReceiver) Receive(from keys.Public, frame []byte) transport.Verdict {
	if r.gate.loses(from, false) {
		return transport.Ignore
	}
	return r.Receiver.Receive(from, frame)
}

func (r gatedReceiver) Gossip(from keys.Public, frame []byte) transport.Verdict {
	if r.gate.loses(from, true) {
		return transport.Ignore
	}
	return r.Receiver.Gossip(from, frame)
}
