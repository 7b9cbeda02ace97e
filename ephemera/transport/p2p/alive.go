package p2p

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"golang.org/x/time/rate"
)

// pingsPerSecond are answered to one peer; further ones wait.
const pingsPerSecond = 10

// watch pings the member while it is connected, and closes its connections when it does not answer:
// then it is dialled anew.
func (r *remote) watch(ctx context.Context) {
	for interval := r.t.config.PingInterval; ctx.Err() == nil; {
		pause(ctx, interval*3/4+rand.N(interval/2+1))
		changes, online, _ := r.state()
		if !online || ctx.Err() != nil {
			continue
		}
		heard := r.heard.Load()
		err := r.ping(ctx)
		if after, _, _ := r.state(); err == nil || after != changes || r.heard.Load() != heard || ctx.Err() != nil {
			continue // it answers, or its frames keep it from answering, or the connection is another one
		}
		r.t.traffic.unanswered.Add(1)
		r.t.config.Logger.Info("member does not answer, connecting anew", "peer", r.key, "error", err)
		if err := r.t.host.Network().ClosePeer(r.id); err != nil {
			r.t.config.Logger.Debug("close connections of a member that does not answer", "peer", r.key, "error", err)
		}
	}
}

// ping waits for one answer, for PingTimeout at most.
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

// answerPings is libp2p's ping handler at a bounded rate for each peer.
func (t *Transport) answerPings() {
	service := ping.PingService{Host: t.host}
	t.host.SetStreamHandler(ping.ID, func(stream network.Stream) {
		r, run := t.peer(stream.Conn().RemotePeer()), t.enterAny()
		if r == nil || run == nil {
			_ = stream.Reset() // nobody waits for an answer
			if run != nil {
				run.work.Done()
			}
			return
		}
		defer run.work.Done()
		stop := context.AfterFunc(run.ctx, func() { _ = stream.Reset() })
		defer stop()
		service.PingHandler(slowed{stream, r.pings, run.ctx})
	})
}

// slowed is a stream that is read at a bounded rate.
type slowed struct {
	network.Stream
	limit *rate.Limiter
	ctx   context.Context
}

func (s slowed) Read(p []byte) (int, error) {
	if err := s.limit.Wait(s.ctx); err != nil {
		return 0, err
	}
	return s.Stream.Read(p)
}

// enterAny counts work of the present run, for Run to wait for; whoever gets one calls its
// work.Done. Nil: nothing runs.
func (t *Transport) enterAny() *run {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.running == nil || t.running.ctx.Err() != nil {
		return nil
	}
	t.running.work.Add(1)
	return t.running
}

// after is a pause that in.done cuts short. False: the stream ended.
func (in *inbound) after(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-in.done:
		return false
	case <-timer.C:
		return true
	}
}
