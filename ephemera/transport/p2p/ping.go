package p2p

import (
	"context"
	"math/rand/v2"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"golang.org/x/time/rate"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// pingsPerSecond is how many pings of a peer are answered per second. Further ones wait.
const pingsPerSecond = 10

// keepAlive pings the member while it is connected, and closes needless connections. If the member
// does not answer, keepAlive closes all of them, so that it is dialled again.
func (r *remote) keepAlive(ctx context.Context) {
	for interval := r.t.config.PingInterval; ctx.Err() == nil; {
		wait.For(ctx, interval*3/4+rand.N(interval/2+1))
		changes, online, _ := r.state()
		if !online || ctx.Err() != nil {
			continue
		}
		r.closeSurplus()
		received := r.received.Load()
		err := r.ping(ctx)
		if after, _, _ := r.state(); err == nil || after != changes || r.received.Load() != received || ctx.Err() != nil {
			continue // it answered, or sent frames meanwhile, or has reconnected
		}
		r.t.traffic.unanswered.Add(1)
		r.t.config.Logger.Info("member did not answer a ping, reconnecting", "peer", r.key, "error", err)
		if err := r.t.host.Network().ClosePeer(r.id); err != nil {
			r.t.config.Logger.Debug("closing connections to a member that did not answer failed", "peer", r.key, "error", err)
		}
	}
}

// ping sends one ping and waits for the answer, for PingTimeout at most.
func (r *remote) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "ping"), r.t.config.PingTimeout)
	defer cancel()
	select {
	case answer, ok := <-ping.Ping(ctx, r.t.host, r.id):
		if !ok {
			return ctx.Err()
		}
		return answer.Error
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answerPings installs libp2p's ping handler with a rate limit for each peer.
func (t *Transport) answerPings() {
	service := ping.PingService{Host: t.host}
	t.host.SetStreamHandler(ping.ID, func(stream network.Stream) {
		r, run := t.peer(stream.Conn().RemotePeer()), t.enterCurrent()
		if r == nil || run == nil {
			_ = stream.Reset() // an error leaves nothing to do
			if run != nil {
				run.work.Done()
			}
			return
		}
		defer run.work.Done()
		stop := context.AfterFunc(run.ctx, func() { _ = stream.Reset() })
		defer stop()
		service.PingHandler(limitedStream{stream, r.pings, run.ctx})
	})
}

// limitedStream is a stream with a rate limit on reads.
type limitedStream struct {
	network.Stream
	limit *rate.Limiter
	ctx   context.Context
}

func (s limitedStream) Read(p []byte) (int, error) {
	if err := s.limit.Wait(s.ctx); err != nil {
		return 0, err
	}
	return s.Stream.Read(p)
}
