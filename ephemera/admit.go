package ephemera

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Receive handles a direct frame. The frame of a peer over its budget waits, and with it the frames
// behind it in that peer's stream. If that would take too long the frame is dropped: what is still
// needed is sent again (R7).
func (b border) Receive(from keys.Public, data []byte) transport.Verdict {
	view := b.node.view.Load()
	if !view.peers[from] && !view.former[from] {
		return transport.Ignore
	}
	ready, offence := b.node.gate.await(b.ctx, from)
	verdict := transport.Ignore
	if ready {
		verdict = b.receive(view, from, data)
	}
	if offence && verdict != transport.Reject {
		return transport.Excess
	}
	return verdict
}

// admit verifies what is worth it in a frame, and hands it to the loop.
func (b border) admit(view *view, in admission.Arrival) transport.Verdict {
	decision, frame, err := b.node.verify(view, in)
	if err != nil {
		return b.reject(in.From, err)
	}
	switch decision.Action {
	case admission.Cover:
		b.node.post(b.ctx, engine.Covered{From: in.From, Slot: decision.Slot})
	case admission.Pass:
		b.node.post(b.ctx, engine.Received{From: in.From, Frame: frame})
	}
	return transport.Accept
}

// admitGossip verifies messages that a peer forwarded, if this node takes messages of their senders
// at all.
func (b border) admitGossip(view *view, in admission.Arrival) (wire.Verified, transport.Verdict) {
	for m := range wire.Bodies(in.Frame.Unverified()) {
		if !b.node.maySend(view, m.Sender()) {
			b.node.strangers.Add(1)
			b.node.gate.charge(in.From, in.Bytes)
			return wire.Verified{}, transport.Ignore // members with other clients may take it
		}
	}
	decision, frame, err := b.node.verify(view, in)
	switch {
	case err != nil:
		return wire.Verified{}, transport.Reject
	case decision.Action != admission.Pass:
		return wire.Verified{}, transport.Ignore
	}
	return frame, transport.Accept
}

// verify decides what to do with a frame, checks the signatures in what is left of it, and charges
// for that.
func (n *Node) verify(view *view, in admission.Arrival) (admission.Decision, wire.Verified, error) {
	decision := n.gate.decide(in)
	var tally wire.Tally
	frame, err := n.verifyDecided(view, decision, &tally)
	n.gate.settle(in, decision, tally, err == nil)
	return decision, frame, err
}

func (n *Node) verifyDecided(view *view, decision admission.Decision, tally *wire.Tally) (wire.Verified, error) {
	if decision.Action != admission.Pass {
		return wire.Verified{}, nil
	}
	admitted, err := decision.Frame.Admit()
	if err != nil {
		return wire.Verified{}, err
	}
	return n.verifier(view).Counting(tally).Verify(admitted)
}

// verifier returns a verifier for the groups of a view. It verifies nothing that the node verified
// recently.
func (n *Node) verifier(view *view) wire.Verifier { return wire.NewVerifier(view.groups, n.gate) }

// gate is a node's admission control: package admission behind one mutex, which nobody holds while
// signatures are checked or a frame waits. It is the wire.Memory of the node's verifiers.
type gate struct {
	clock *clock
	// checked and known count signatures: those that were checked, and those that were not, because
	// they had been before.
	checked, known atomic.Uint64

	mu    sync.Mutex
	state *admission.Admission
}

func newGate(self keys.Public, limits admission.Limits, clock *clock) *gate {
	return &gate{clock: clock, state: admission.New(self, limits)}
}

// await waits until a peer is within its budget. It reports whether the peer's frame may be handled
// now, and whether the peer has committed an offence by then.
func (g *gate) await(ctx context.Context, peer keys.Public) (ready, offence bool) {
	wait, most, overdrawn := g.ready(peer)
	if wait == 0 {
		return true, false
	}
	timer := time.NewTimer(time.Duration(min(wait, most)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return false, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return wait <= most, g.state.Waited(peer, min(wait, most), overdrawn)
}

func (g *gate) ready(peer keys.Public) (wait, most int64, overdrawn bool) {
	now := g.clock.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.Ready(now, peer), g.state.MaxWait(), g.state.Overdrawn(now, peer)
}

func (g *gate) overdrawn(peer keys.Public) bool {
	_, _, overdrawn := g.ready(peer)
	return overdrawn
}

func (g *gate) decide(in admission.Arrival) admission.Decision {
	now := g.clock.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.Decide(now, in)
}

func (g *gate) settle(in admission.Arrival, decision admission.Decision, tally wire.Tally, valid bool) {
	g.checked.Add(uint64(tally.Checked))
	g.known.Add(uint64(tally.Known))
	now := g.clock.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.Settle(now, in, decision, admission.Cost{Checks: tally.Checked, Valid: valid})
}

func (g *gate) charge(peer keys.Public, bytes int) {
	now := g.clock.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.Charge(now, peer, bytes)
}

// sends notes a frame of this many bytes that is sent to a peer.
func (g *gate) sends(to keys.Public, frame wire.Frame, bytes int) {
	now := g.clock.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.Sent(now, to, frame, bytes)
}

// restore takes the groups that the node starts with.
func (g *gate) restore(known []engine.Known) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range known {
		g.state.Restore(k.Group.ID(), k.State)
	}
}

// note takes the writes of a commit.
func (g *gate) note(writes []store.Write) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, write := range writes {
		g.state.Note(write)
	}
}

// Has implements wire.Memory.
func (g *gate) Has(digest wire.Digest) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.Has(digest)
}

// Add implements wire.Memory.
func (g *gate) Add(digest wire.Digest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.Add(digest)
}
