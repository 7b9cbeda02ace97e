package honest

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// Load submits messages to the nodes in turn, at a constant rate, and records when every node has
// delivered each of them. It is safe for concurrent use.
type Load struct {
	nodes []*Node
	rate  int // messages per second
	size  int // bytes of a payload

	mu       sync.Mutex
	messages map[nonce]*message
	rejected []error // submissions that no repetition can help
}

// nonce is the beginning of a payload, by which a message is recognised.
type nonce [16]byte

// message is a message that was to be submitted.
type message struct {
	due       time.Time // when it was to be submitted
	accepted  bool
	delivered map[keys.Public]bool // nodes that delivered it
	last      time.Time            // when the last of them did
}

// label is the label of the load's messages. Subscriptions filter by it.
const label = "load"

// NewLoad returns a load that has not begun.
func NewLoad(nodes []*Node, rate, size int) *Load {
	return &Load{nodes: nodes, rate: rate, size: max(size, len(nonce{})), messages: map[nonce]*message{}}
}

// Watch records deliveries until ctx is done. It continues where it was when a node restarts.
func (l *Load) Watch(ctx context.Context) {
	var watching sync.WaitGroup
	for _, n := range l.nodes {
		watching.Go(func() { l.watch(ctx, n) })
	}
	watching.Wait()
}

func (l *Load) watch(ctx context.Context, n *Node) {
	subscription := api.Subscription{From: api.Beginning, Label: label}
	for ctx.Err() == nil {
		for entry, err := range n.Client.Subscribe(ctx, subscription) {
			if err != nil {
				break
			}
			subscription.From = entry.Cursor
			l.record(n, entry.Block)
		}
		wait.For(ctx, 100*time.Millisecond)
	}
}

func (l *Load) record(n *Node, b api.Block) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, body := range b.Messages {
		if len(body.Payload) < len(nonce{}) {
			continue
		}
		m := l.messages[nonce(body.Payload[:len(nonce{})])]
		if m == nil || m.delivered[n.Key] {
			continue
		}
		m.delivered[n.Key] = true
		m.last = now
	}
}

// Run submits until ctx is done, and returns when all submissions have ended.
func (l *Load) Run(ctx context.Context) {
	ticker := time.NewTicker(time.Second / time.Duration(l.rate))
	defer ticker.Stop()
	var submitting sync.WaitGroup
	defer submitting.Wait()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		submitting.Go(func() { l.submit(context.WithoutCancel(ctx), turn) })
	}
}

// acceptTimeout bounds the time in which a node must accept a message.
const acceptTimeout = 30 * time.Second

// submit submits a message to the first node from a turn on that serves, and repeats that while the
// node asks for it.
func (l *Load) submit(ctx context.Context, turn int) {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	payload := make([]byte, l.size)
	_, _ = rand.Read(payload)
	m := &message{due: time.Now(), delivered: map[keys.Public]bool{}}
	l.mu.Lock()
	l.messages[nonce(payload[:len(nonce{})])] = m
	l.mu.Unlock()
	node := l.serving(turn)
	for node != nil {
		_, err := node.Client.SubmitEphemeraMessage(ctx, api.Submission{Label: label, Payload: payload, Time: m.due.UnixMilli()})
		var problem *api.Problem
		switch {
		case err == nil || errors.Is(err, api.Duplicate):
			l.mu.Lock()
			m.accepted = true
			l.mu.Unlock()
			return
		case ctx.Err() != nil || errors.As(err, &problem) && !problem.Temporary():
			l.mu.Lock()
			l.rejected = append(l.rejected, err)
			l.mu.Unlock()
			return
		}
		wait.For(ctx, 100*time.Millisecond)
	}
}

func (l *Load) serving(turn int) *Node {
	for i := range l.nodes {
		if n := l.nodes[(turn+i)%len(l.nodes)]; n.serving.Load() {
			return n
		}
	}
	return nil
}

// Settle waits until every node has delivered every message, for at most limit.
func (l *Load) Settle(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for ctx.Err() == nil && l.Tally(time.Time{}, time.Now()).Missing > 0 {
		wait.For(ctx, 50*time.Millisecond)
	}
}

// Tally is the outcome of the messages that were due in some time.
type Tally struct {
	Submitted int
	Missing   int           // not delivered by every node
	P50, P99  time.Duration // from the time when it was due until the last node had delivered it
	Rejected  []error       // of the whole run
}

// Tally returns the outcome of the messages that were due from begin until end.
func (l *Load) Tally(begin, end time.Time) Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := Tally{Rejected: slices.Clone(l.rejected)}
	var delays []time.Duration
	for _, m := range l.messages {
		if m.due.Before(begin) || !m.due.Before(end) {
			continue
		}
		t.Submitted++
		if len(m.delivered) < len(l.nodes) {
			t.Missing++
			delays = append(delays, time.Since(m.due))
			continue
		}
		delays = append(delays, m.last.Sub(m.due))
	}
	if slices.Sort(delays); len(delays) > 0 {
		t.P50, t.P99 = delays[len(delays)/2], delays[len(delays)*99/100]
	}
	return t
}
