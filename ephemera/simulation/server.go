package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// server is the one processor of a node under Schedule.Costs. What the shipped node does in
// goroutines are threads here, which run in the order in which they became ready, each for a slice:
// for each peer one that decodes and verifies its direct frames, one for each frame of gossip, the
// loop that owns the engine, and the reader of the store. A Byzantine member has no server: its
// work takes no time.
type server struct {
	n      *node
	direct []*thread // by sender
	loop   *thread
	reader *thread
	ready  []*thread
	busy   bool // the first of them runs
	gossip int  // frames of gossip that are verified or wait for the loop
	memory *prints

	posting  *thread         // whose frame is handed to the loop
	events   []posted        // for the loop
	ticking  bool            // a Tick is among them
	work     int64           // nanoseconds that the current turn of the loop takes so far
	written  int             // bytes that the turn commits
	commits  bool            // the turn has a write that cannot wait
	relaxed  bool            // a write waits for the next commit
	waits    bool            // the turn's effects wait for the disk
	outgoing []engine.Effect // these effects
	requests requests        // for the reader
	reads    bool            // the reader is reading: what is sent goes to answers
	answers  []engine.Send
}

// thread is a sequence of jobs that run one after the other.
type thread struct {
	begin  func() *job // returns the next job, or nil if there is nothing to do now
	gossip bool        // it serves one frame of gossip
	queued bool        // it is ready
	job    *job        // begun
	frames []task      // that arrived
	until  int64       // it sleeps until then, because its peer exceeds its rate
	paid   bool        // the first frame was counted by the rate limit
	blocks bool        // an event of it waits for the loop
}

// job is work in progress.
type job struct {
	left int64 // nanoseconds
	done func()
}

// posted is an event with the thread that made it, or nil.
type posted struct {
	event engine.Event
	by    *thread
}

const (
	// slice is how long a thread runs before the next one does, in nanoseconds.
	slice = int64(1_000_000)
	// inboxEvents is how many events wait for the loop of the shipped runner.
	inboxEvents = 256
)

func newServer(n *node) *server {
	if n.w.schedule.Costs == (Costs{}) || n.byzantine != nil {
		return nil
	}
	s := &server{n: n, memory: newPrints()}
	for range n.w.nodes {
		t := &thread{}
		t.begin = func() *job { return s.beginDirect(t) }
		s.direct = append(s.direct, t)
	}
	s.loop, s.reader = &thread{begin: s.beginTurn}, &thread{begin: s.beginRead}
	return s
}

func (s *server) costs() Costs { return s.n.w.schedule.Costs }

// take queues a frame that arrived. Gossip is dropped if too much of it is being verified.
func (s *server) take(o task) {
	if !o.gossip {
		t := s.direct[o.from]
		t.frames = append(t.frames, o)
		s.wake(t)
		return
	}
	if s.gossip >= s.n.w.bounds.GossipFrames {
		s.n.w.stats.Dropped++
		return
	}
	s.gossip++
	t := &thread{gossip: true}
	t.begin = func() *job {
		if o.parcel == nil {
			return nil
		}
		frame := o
		o.parcel = nil
		return s.beginFrame(frame, t)
	}
	s.wake(t)
}

// forget drops direct frames of a peer that were not read yet.
func (s *server) forget(from int) {
	s.direct[from].frames, s.direct[from].paid = nil, false
}

// post hands an event to the loop.
func (s *server) post(event engine.Event) {
	if _, ok := event.(engine.Tick); ok {
		if s.ticking {
			return
		}
		s.ticking = true
	}
	if s.posting != nil {
		s.posting.blocks = true
	}
	s.events = append(s.events, posted{event, s.posting})
	s.wake(s.loop)
}

// wake makes a thread ready that may have something to do.
func (s *server) wake(t *thread) {
	if !t.queued {
		t.queued = true
		s.ready = append(s.ready, t)
	}
	s.run()
}

// run lets the first thread that is ready and has something to do run for a slice.
func (s *server) run() {
	for !s.busy && len(s.ready) > 0 {
		t := s.ready[0]
		s.busy = true
		if t.job == nil {
			t.job = t.begin()
		}
		if s.n.server != s {
			return // the node crashed
		}
		if t.job == nil {
			s.ready, s.busy, t.queued = s.ready[1:], false, false
			continue
		}
		s.n.w.queue.push(s.n.w.now+sliceOf(t.job), s.task(processed))
	}
}

// sliceOf returns for how many microseconds a job runs at most before the next thread does.
func sliceOf(j *job) int64 { return (min(j.left, slice) + 999) / 1000 }

// task returns a task of this node.
func (s *server) task(kind taskKind) task {
	return task{kind: kind, to: int32(s.n.place), incarnation: s.n.incarnation}
}

// processed ends a slice. The thread goes to the end of the queue.
func (s *server) processed() {
	t := s.ready[0]
	s.n.w.stats.Busy[s.n.place] += sliceOf(t.job)
	s.ready = append(s.ready[1:], t)
	if t.job.left -= slice; t.job.left <= 0 {
		done := t.job.done
		t.job = nil
		done()
	}
	s.busy = false
	if s.n.server == s {
		s.run()
	}
}

// beginDirect begins a peer's next direct frame, unless the peer exceeds its rate or its last frame
// waits for the loop.
func (s *server) beginDirect(t *thread) *job {
	if len(t.frames) == 0 || t.until > s.n.w.now || t.blocks && len(s.events) >= inboxEvents {
		return nil
	}
	o := t.frames[0]
	if !t.paid {
		t.paid = true
		wait := max(s.n.conduct.delay(int(o.from), o.parcel.size), s.n.admission.Ready(s.n.clock(), s.n.w.nodes[o.from].key.Public())*1000)
		if wait = min(wait, s.n.admission.MaxWait()*1000); wait > 0 {
			t.until = s.n.w.now + wait
			awakes := s.task(awake)
			awakes.from = o.from
			s.n.w.queue.push(t.until, awakes)
			return nil
		}
	}
	if len(t.frames) == 0 {
		return nil // the peer was cut off
	}
	t.frames[0] = task{}
	t.frames, t.paid = t.frames[1:], false
	s.n.w.read(o)
	return s.beginFrame(o, t)
}

// beginFrame begins to decode and verify a frame on a thread.
func (s *server) beginFrame(o task, t *thread) *job {
	from, costs := int(o.from), s.costs()
	if o.gossip && (!s.n.conduct.allow(from, o.parcel.size) || s.n.overdrawn(from)) {
		s.gossip--
		return &job{left: costs.Frame, done: func() { s.n.conduct.penalise(from, excess) }}
	}
	cost := costs.Frame + perKiB(costs.DecodeKiB, o.parcel.size)
	frame, check, ok := s.n.decode(o)
	if !ok || s.n.isStrange(o, frame) {
		return &job{left: cost, done: func() {
			s.n.admission.Charge(s.n.clock(), s.n.w.nodes[from].key.Public(), o.parcel.size)
			if o.gossip {
				s.gossip--
			}
			if !ok && (o.frame == nil || s.n.knowsGroupOf(o.frame)) {
				s.n.conduct.penalise(from, malformed)
			}
		}}
	}
	decided := s.n.decide(o, frame, check)
	return &job{left: cost + s.verifying(decided), done: func() { s.settle(decided, t) }}
}

// verifying returns what it costs to verify what admission lets pass, and to ask the application
// about its messages. Whatever is forged is assumed to be so in its last signature.
func (s *server) verifying(a arrived) int64 {
	if a.Action != admission.Pass || a.Known {
		return 0
	}
	frame, calls := a.Decision.Frame.Unverified(), 0
	for range wire.Bodies(frame) {
		calls++
	}
	return s.costs().Check*int64(checksOf(frame, s.memory)) + s.costs().Call*int64(calls)
}

// settle hands a frame to the loop if it is valid.
func (s *server) settle(a arrived, t *thread) {
	events := len(s.events)
	s.posting = t
	s.n.settle(a)
	s.posting = nil
	if t.gossip && len(s.events) == events {
		s.gossip--
	}
	if !a.cost.Valid {
		s.n.conduct.penalise(int(a.from), malformed)
	}
}

// isStrange reports whether a gossiped frame is refused because of its senders, before its
// signatures are checked, or because its group is unknown.
func (n *node) isStrange(o task, frame wire.Decoded) bool {
	if !n.knowsGroupOf(frame.Unverified()) {
		return true
	}
	if o.gossip {
		for m := range wire.Bodies(frame.Unverified()) {
			if _, member := n.w.places[m.Sender()]; !member {
				return true
			}
		}
	}
	return false
}

func (n *node) knowsGroupOf(frame wire.Frame) bool {
	id, ok := groupOf(frame)
	return !ok || n.group(id) != nil
}

// overdrawn reports whether a peer is over its budget.
func (n *node) overdrawn(from int) bool {
	return n.admission.Overdrawn(n.clock(), n.w.nodes[from].key.Public())
}

// beginTurn begins a turn of the loop: the engine takes the events that wait, and the writes of all
// are one commit. What it sends is sent once they are durable.
func (s *server) beginTurn() *job {
	if s.waits || len(s.events) == 0 {
		return nil
	}
	batch := s.events[:min(len(s.events), batchEvents)]
	s.events = s.events[len(batch):]
	s.work, s.written, s.commits = s.costs().Step*int64(len(batch)), 0, false
	for _, p := range batch {
		s.unblock(p.by)
		switch e := p.event.(type) {
		case engine.Tick:
			s.ticking = false
		case engine.Connected:
			s.work += s.costs().Connect
		case engine.Received:
			s.work += s.costs().Lookup * int64(named(e.Frame.Frame()))
		}
		s.n.turn(p.event)
	}
	if s.n.server != s {
		return nil // it crashed
	}
	commit := s.commit()
	s.waits = true
	return &job{left: s.work, done: func() { s.n.w.queue.push(s.n.w.now+commit, s.task(committed)) }}
}

// commit returns how long the turn waits for the disk, in microseconds.
func (s *server) commit() int64 {
	if !s.commits {
		return 0
	}
	s.relaxed = false
	return (s.costs().Commit + perKiB(s.costs().CommitKiB, s.written)) / 1000
}

// committed carries out what waited for the disk.
func (s *server) committed() {
	outgoing := s.outgoing
	s.waits, s.outgoing = false, nil
	for _, effect := range outgoing {
		if s.n.server != s {
			return
		}
		s.n.execute(effect)
	}
	if s.n.server == s {
		s.wake(s.loop)
	}
}

// unblock lets a thread continue whose event the loop takes.
func (s *server) unblock(t *thread) {
	switch {
	case t == nil:
	case t.gossip:
		s.gossip--
	default:
		t.blocks = false
		s.wake(t)
	}
}

// charge adds what an effect of the turn costs. It reports whether the effect waits until the
// turn's writes are durable.
func (s *server) charge(effect engine.Effect) (waits bool) {
	switch e := effect.(type) {
	case broadcast.Persist:
		s.written += writtenBytes(e.Write)
		s.relaxed = s.relaxed || e.Relaxed
		s.commits = s.commits || !e.Relaxed
		return false
	case broadcast.SignProposal:
		s.work += 2 * s.costs().Sign // header and echo
		return false
	case broadcast.SignEcho:
		s.work += s.costs().Sign
		return false
	case engine.Send:
		s.work += s.encoding(s.n.w.pack(e.Frame, nil).size)
	case engine.Gossip:
		s.work += s.encoding(e.Message.Size()) + s.costs().Send*int64(len(s.n.w.nodes)-2)
	case broadcast.Deliver:
		s.commits = s.commits || s.relaxed // the cursor of the block below becomes durable
		s.work += s.costs().Call
	case broadcast.CheckBlock, engine.NextBlock:
		s.work += s.costs().Call
	case engine.ServeBlock, engine.ServeCertified, engine.LoadGroup, broadcast.FindHeader:
		s.requests.put(effect)
		s.wake(s.reader)
		return true
	default:
		return false
	}
	s.outgoing = append(s.outgoing, effect)
	return true
}

func (s *server) encoding(size int) int64 {
	return s.costs().Send + perKiB(s.costs().EncodeKiB, size)
}

// writtenBytes is how many bytes a write adds to the store, about.
func writtenBytes(w store.Write) int {
	const record = 256
	switch w := w.(type) {
	case store.PutVote:
		return record + bodiesSize(w.Block.Messages, false)
	case store.PutCertified:
		return record + len(w.Certificate.Signatures)*len(keys.Signature{})
	case store.PutRepaired:
		return record + bodiesSize(w.Block.Messages, false)
	}
	return record
}
