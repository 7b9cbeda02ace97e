package simulation

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// server is the one processor of a node under Schedule.Costs. What the shipped node does in
// goroutines are threads here, which take turns: for each peer one that decodes and verifies its
// direct frames and one for its gossip, the loop that owns the engine, and the reader of the store.
// A Byzantine member has no server: its work takes no time.
type server struct {
	n       *node
	threads []thread // of direct frames by sender, of gossip by sender, the loop, the reader
	ran     int      // the thread that ran last
	busy    bool     // a thread runs
	memory  *prints

	events   []engine.Event  // for the loop
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
	frames []task // that arrived
	job    *job   // begun
	until  int64  // it sleeps until then, because its peer exceeds its rate
	paid   bool   // the first frame was counted by the rate limit
}

// job is work in progress.
type job struct {
	left int64 // nanoseconds
	done func()
}

const (
	// slice is how long a thread runs before the next one does, in nanoseconds.
	slice = int64(1_000_000)
	// inboxEvents and batchEvents are those of the shipped runner: how many events wait for the loop,
	// and how many share a commit.
	inboxEvents = 256
	batchEvents = 128
)

func newServer(n *node) *server {
	if n.w.schedule.Costs == (Costs{}) || n.byzantine != nil {
		return nil
	}
	return &server{n: n, threads: make([]thread, 2*len(n.w.nodes)+2), memory: newPrints()}
}

func (s *server) costs() Costs { return s.n.w.schedule.Costs }

// loop and reader return the places of these threads.
func (s *server) loop() int   { return len(s.threads) - 2 }
func (s *server) reader() int { return len(s.threads) - 1 }

// take queues a frame that arrived. Gossip is dropped if too much waits.
func (s *server) take(o task) {
	i := int(o.from)
	if o.parcel.gossip {
		i += len(s.n.w.nodes)
		if len(s.threads[i].frames) >= s.n.w.bounds.GossipFrames {
			s.n.w.stats.Dropped++
			return
		}
	}
	s.threads[i].frames = append(s.threads[i].frames, o)
	s.run()
}

// forget drops what arrived from a peer and was not read yet.
func (s *server) forget(from int) {
	s.threads[from].frames, s.threads[from].paid = nil, false
	s.threads[len(s.n.w.nodes)+from].frames = nil
}

// post hands an event to the loop.
func (s *server) post(event engine.Event) {
	if _, ok := event.(engine.Tick); ok {
		if s.ticking {
			return
		}
		s.ticking = true
	}
	s.events = append(s.events, event)
	s.run()
}

// run lets the next thread that has something to do run for a slice.
func (s *server) run() {
	if s.busy {
		return
	}
	for k := range s.threads {
		i := (s.ran + 1 + k) % len(s.threads)
		t := &s.threads[i]
		if t.job == nil {
			t.job = s.begin(i)
		}
		if t.job == nil {
			continue
		}
		s.busy, s.ran = true, i
		s.n.w.queue.push(s.n.w.now+(min(t.job.left, slice)+999)/1000, s.task(processed))
		return
	}
}

// task returns a task of this node.
func (s *server) task(kind taskKind) task {
	return task{kind: kind, to: int32(s.n.place), incarnation: s.n.incarnation}
}

// processed ends a slice.
func (s *server) processed() {
	t := &s.threads[s.ran]
	j := t.job
	s.n.w.stats.Busy[s.n.place] += (min(j.left, slice) + 999) / 1000
	s.busy = false
	if j.left -= slice; j.left <= 0 {
		t.job = nil
		j.done()
	}
	if s.n.server == s {
		s.run()
	}
}

// begin begins a thread's next job. It returns nil if it has nothing to do now.
func (s *server) begin(i int) *job {
	switch {
	case i == s.reader():
		return s.beginRead()
	case i == s.loop():
		return s.beginTurn()
	}
	t := &s.threads[i]
	if len(t.frames) == 0 || t.until > s.n.w.now || len(s.events) >= inboxEvents {
		return nil
	}
	o := t.frames[0]
	if !o.parcel.gossip && !t.paid {
		t.paid = true
		if wait := s.n.conduct.delay(int(o.from), o.parcel.size); wait > 0 {
			t.until = s.n.w.now + wait
			s.n.w.queue.push(t.until, s.task(awake))
			return nil
		}
	}
	t.frames[0] = task{}
	t.frames, t.paid = t.frames[1:], false
	s.n.w.read(o)
	return s.beginFrame(o)
}

// beginFrame begins to decode and verify a frame.
func (s *server) beginFrame(o task) *job {
	from, costs := int(o.from), s.costs()
	if o.parcel.gossip && !s.n.conduct.allow(from, o.parcel.size) {
		return &job{left: costs.Frame, done: func() { s.n.conduct.penalise(from, excess) }}
	}
	frame, result := s.n.open(o)
	cost := costs.Frame + perKiB(costs.DecodeKiB, o.parcel.size) + s.admit(o, result)
	return &job{left: cost, done: func() {
		switch result {
		case taken:
			s.n.accept(from, frame)
		case refused:
			s.n.conduct.penalise(from, malformed)
		}
	}}
}

// admit returns what it costs to verify a decoded frame and to ask the application about its
// messages. This is the place of admission control, as Node.verify is in the shipped runner. What
// is not decoded costs nothing more. What is forged is assumed to be so in its last signature.
func (s *server) admit(o task, result opening) int64 {
	if o.frame == nil || result == ignored {
		return 0
	}
	if result == refused {
		return s.costs().Check * int64(checksOf(o.frame, nil))
	}
	checks := 0
	if messages, ok := o.frame.(wire.Messages); ok {
		checks = checksOf(messages, s.memory)
	} else if !s.memory.has(o.parcel.print) {
		s.memory.add(o.parcel.print)
		checks = checksOf(o.frame, s.memory)
	}
	calls := 0
	for range wire.Bodies(o.frame) {
		calls++
	}
	return s.costs().Check*int64(checks) + s.costs().Call*int64(calls)
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
	for _, event := range batch {
		if _, ok := event.(engine.Tick); ok {
			s.ticking = false
		}
		s.n.turn(event)
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
		s.run()
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
