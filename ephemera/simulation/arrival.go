package simulation

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// work returns small budgets for the peers in a schedule, so that adversaries reach them. A correct
// member that goes over them is a violation. What clients submit, and what piles bring, may arrive
// twice.
func work(s Schedule) admission.Limits {
	piled := 0
	for _, f := range s.Faults {
		if f.Kind == Pile {
			piled += f.Step
		}
	}
	blocks := 10    // a second
	if s.Link > 0 { // links are fast, and so are blocks
		blocks = 80
	}
	alone := 0
	if s.PerBlock == 1 { // each submission may be a block of its own, whose certificate arrives late
		alone = s.Nodes * len(s.Submissions)
	}
	return admission.Limits{
		ChecksPerSecond: blocks * s.Nodes, ChecksBurst: 60 + 70*s.Nodes + 4*len(s.Submissions) + alone + 2*piled, BytesPerSecond: 64 << 10, BytesBurst: 512 << 10,
		ServedPerSecond: 256 << 10, ServedBurst: 1 << 20, SenderChecksPerSecond: 20, SenderChecksBurst: 40, Wait: 2000,
	}
}

// arrive hands a frame to a node that is up, as a border does: it decodes a frame that arrives as
// bytes, lets admission decide, and verifies. If work takes time, the processor does that. A
// Byzantine node sees every valid frame.
func (w *world) arrive(o task) {
	n := w.nodes[o.to]
	if !n.up || w.isGone(o) {
		return
	}
	if n.server != nil {
		n.server.take(o)
		return
	}
	w.read(o)
	if n.byzantine == nil && !n.mayEnter(o) {
		return
	}
	frame, check, ok := n.decode(o)
	if !ok {
		return
	}
	if id, ok := groupOf(frame.Unverified()); ok && n.group(id) == nil {
		return // of a group that the node does not know yet: it is resent
	}
	if n.byzantine == nil {
		n.admit(o, frame, check)
		return
	}
	if check != nil {
		if _, err := check(frame); err != nil {
			return
		}
	}
	w.trace.add(w.now, 'a', int(o.to), int(o.from), uint64(wire.KindOf(frame.Unverified())))
	if n.byzantine.receive(int(o.from), frame.Unverified()) {
		n.received(w.nodes[o.from].key.Public(), wire.AssumeVerified(frame.Unverified()))
	}
}

// decode decodes a frame for the group that it is about, among the groups that the node knows.
// Frames about no single group are decoded for the newest. What an engine sent and no adversary
// changed has no bytes: it needs no check.
func (n *node) decode(o task) (frame wire.Decoded, check checkFrame, ok bool) {
	if o.data == nil {
		return wire.AssumeDecoded(o.frame), nil, true
	}
	if n.w.schedule.Real {
		return n.decodeBytes(o.data)
	}
	group := n.w.groups[max(n.knownGroups, 1)-1]
	if o.frame != nil {
		if id, ok := groupOf(o.frame); ok {
			if group = n.group(id); group == nil {
				return wire.Decoded{}, nil, false
			}
		}
	}
	opened := n.w.keyring.open(group, o.data)
	return opened.frame, n.checker(group, opened), opened.err == nil
}

// decodeBytes does with bytes what the shipped border does: it decodes and verifies them for all
// groups that the node knows.
func (n *node) decodeBytes(data []byte) (frame wire.Decoded, check checkFrame, ok bool) {
	var known []*membership.Group
	for _, g := range slices.Backward(n.w.groups[:n.knownGroups]) {
		if n.group(g.ID()) != nil {
			known = append(known, g)
		}
	}
	groups := wire.NewGroups(known...)
	frame, err := groups.Decode(data)
	return frame, func(frame wire.Decoded) (int, error) {
		admitted, err := frame.Admit()
		if err != nil {
			return 0, err
		}
		var tally wire.Tally
		_, err = wire.NewVerifier(groups, n.w.keyring.known).Counting(&tally).Verify(admitted)
		return tally.Checked + tally.Known, err
	}, err == nil
}

// checkFrame verifies a frame. It returns how many signatures it met.
type checkFrame func(wire.Decoded) (checks int, err error)

// checker returns the function that verifies a frame that arrived as bytes, or a part of it.
func (n *node) checker(group *membership.Group, o *opened) checkFrame {
	return func(frame wire.Decoded) (int, error) {
		if frame.Digest() == o.frame.Digest() {
			return o.verify(n.w.keyring, group)
		}
		return n.w.keyring.verifyFrame(group, frame)
	}
}

// startAdmission begins with what is on the disk.
func (n *node) startAdmission(known []engine.Known) {
	n.admission = admission.New(n.key.Public(), n.w.work)
	for _, k := range known {
		n.admission.Restore(k.Group.ID(), k.State)
	}
}

// mayEnter reports whether a frame may be handled now. The frame of a peer over its budget waits,
// or is dropped if that takes too long.
func (n *node) mayEnter(o task) bool {
	sender := n.w.nodes[o.from]
	from := sender.key.Public()
	wait := n.admission.Ready(n.clock(), from)
	if wait > 0 && sender.byzantine == nil && n.admission.Overdrawn(n.clock(), from) {
		n.w.check.violate("budgets", "node %d slows correct node %d down for %d ms", n.place, o.from, wait)
	}
	if wait > 0 && wait <= n.admission.MaxWait() {
		n.w.queue.push(n.w.now+wait*1000, o)
	}
	return wait == 0
}

// admit does what the node's border does with a decoded frame.
func (n *node) admit(o task, frame wire.Decoded, check checkFrame) {
	n.settle(n.decide(o, frame, check))
}

// arrived is a frame about which admission has decided.
type arrived struct {
	task
	admission.Arrival
	admission.Decision
	cost admission.Cost
}

// decide lets admission decide about a decoded frame, and verifies it.
func (n *node) decide(o task, frame wire.Decoded, check checkFrame) arrived {
	in := admission.Arrival{From: n.w.nodes[o.from].key.Public(), Frame: frame, Bytes: len(o.data), Gossip: o.gossip}
	if id, ok := groupOf(frame.Unverified()); ok {
		in.Group = n.group(id)
	}
	if len(n.w.coalition.members) > 0 {
		n.w.check.sighted(n, int(o.from), frame.Unverified())
	}
	decision := n.admission.Decide(n.clock(), in)
	return arrived{o, in, decision, n.verify(decision, check)}
}

// settle charges for a frame and hands what is left of it to the engine.
func (n *node) settle(a arrived) {
	n.admission.Settle(n.clock(), a.Arrival, a.Decision, a.cost)
	if !a.cost.Valid {
		return
	}
	frame := a.Arrival.Frame.Unverified()
	n.w.trace.add(n.w.now, 'a', n.place, int(a.from), uint64(a.Action)<<8|uint64(wire.KindOf(frame)))
	n.w.check.asked(n, int(a.from), frame)
	switch a.Action {
	case admission.Cover:
		n.post(engine.Covered{From: a.From, Slot: a.Slot})
	case admission.Pass:
		left := a.Decision.Frame.Unverified()
		n.w.check.gotAboutPool(n.place, int(a.from), left)
		n.w.check.hears(n, int(a.from), left)
		n.received(a.From, wire.AssumeVerified(left))
	}
}

// verify verifies what admission lets pass, unless it was verified before.
func (n *node) verify(d admission.Decision, check checkFrame) admission.Cost {
	switch {
	case d.Action != admission.Pass || d.Known:
		return admission.Cost{Valid: true}
	case check == nil: // as if every signature were new
		return admission.Cost{Checks: wire.Signatures(d.Frame.Unverified()), Valid: true}
	}
	checks, err := check(d.Frame)
	if digest := d.Frame.Digest(); err == nil && digest != (wire.Digest{}) {
		n.admission.Add(digest)
	}
	return admission.Cost{Checks: checks, Valid: err == nil}
}

// noteSent tells admission what the engine sends.
func (n *node) noteSent(to int, frame wire.Frame) {
	if n.byzantine != nil {
		return
	}
	size := 0
	for m := range wire.Bodies(frame) {
		size += m.Size()
	}
	n.admission.Sent(n.clock(), n.w.nodes[to].key.Public(), frame, size)
}

// noteWritten tells admission what has become durable.
func (n *node) noteWritten(w store.Write) {
	if n.byzantine == nil {
		n.admission.Note(w)
	}
}
