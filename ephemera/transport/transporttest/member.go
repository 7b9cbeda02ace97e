package transporttest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
)

// timeout bounds every wait. Each should take less than a hundredth of it.
const timeout = 30 * time.Second

// frame is a received frame.
type frame struct {
	from keys.Public
	data []byte
}

// recorder is a receiver that records all events. Its Receive can be made to block.
type recorder struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each event
	direct  []frame
	gossip  []frame
	online  map[keys.Public]bool
	verdict transport.Verdict
	gates   map[keys.Public]chan struct{} // Receive blocks for this peer until its gate is closed
}

func newRecorder() *recorder {
	return &recorder{
		changed: make(chan struct{}), online: map[keys.Public]bool{}, verdict: transport.Accept, gates: map[keys.Public]chan struct{}{},
	}
}

func (r *recorder) change(apply func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	apply()
	close(r.changed)
	r.changed = make(chan struct{})
}

// holds reports whether the condition holds now. The condition may read the recorder's fields.
func (r *recorder) holds(condition func() bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return condition()
}

// wait blocks until the condition holds. The condition may read the recorder's fields.
func (r *recorder) wait(t *testing.T, what string, condition func() bool) {
	t.Helper()
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	for {
		r.mu.Lock()
		holds, changed := condition(), r.changed
		r.mu.Unlock()
		if holds {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			require.FailNow(t, "timed out waiting for "+what)
		}
	}
}

func (r *recorder) Receive(from keys.Public, data []byte) transport.Verdict {
	r.mu.Lock()
	gate := r.gates[from]
	r.mu.Unlock()
	if gate != nil {
		<-gate
	}
	r.change(func() { r.direct = append(r.direct, frame{from, data}) })
	return transport.Accept
}

func (r *recorder) Gossip(from keys.Public, data []byte) transport.Verdict {
	r.change(func() { r.gossip = append(r.gossip, frame{from, data}) })
	return r.verdict
}

func (r *recorder) Connected(peer keys.Public) {
	r.change(func() { r.online[peer] = true })
}

func (r *recorder) Disconnected(peer keys.Public) { r.change(func() { r.online[peer] = false }) }

// onlineCount returns the number of connected peers; for use in conditions.
func (r *recorder) onlineCount() int {
	count := 0
	for _, online := range r.online {
		if online {
			count++
		}
	}
	return count
}

// from returns the direct frames of a peer, in order; for use in conditions.
func (r *recorder) from(peer keys.Public) [][]byte {
	var data [][]byte
	for _, f := range r.direct {
		if f.from == peer {
			data = append(data, f.data)
		}
	}
	return data
}

// node is a running member.
type node struct {
	Member
	*recorder
	t    *testing.T
	stop func()
}

// run starts a member and stops it at the end of the test.
func run(t *testing.T, m Member) *node {
	n := &node{Member: m, recorder: newRecorder(), t: t}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Transport.Run(ctx, n.recorder) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			require.NoError(t, err)
		case <-time.After(timeout):
			require.FailNow(t, "Run did not return after its context was cancelled")
		}
	})
	t.Cleanup(n.stop)
	return n
}

// cluster runs n members and waits until all are connected to each other.
func cluster(t *testing.T, fresh Fresh, n int, options Options) []*node {
	members := fresh(t, n, options)
	require.Len(t, members, n)
	var nodes []*node
	for _, m := range members {
		nodes = append(nodes, run(t, m))
	}
	for _, node := range nodes {
		node.wait(t, "all members connected", func() bool { return node.onlineCount() == n-1 })
	}
	return nodes
}

// send sends a frame, and retries while the transport's queue is full.
func (n *node) send(to keys.Public, data []byte) {
	n.t.Helper()
	require.Eventually(n.t, func() bool { return n.Transport.Send(to, data) }, timeout, time.Millisecond)
}
