package simulation

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	derived "github.com/ephemera-go/nym-rewarding/ephemera/limits"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// network is the network's name that everything in a simulation is signed for.
const network = "simulation"

// Beginning is the time of the clocks at the beginning of a schedule, in milliseconds since 1970.
const Beginning = int64(1_700_000_000_000)

// limits are the default limits of groups. They are small, so that adversaries reach them.
var limits = membership.Limits{PayloadBytes: maxPayload, BlockMessages: 64, BlockBytes: 32 << 10}

// pool holds the default limits of mempools, which are small likewise.
var pool = mempool.Limits{Messages: 256, Bytes: 256 << 10, PerSender: 64, SenderBytes: 64 << 10, TTL: time.Hour}

// Options are the parts of a run that its schedule does not decide. The zero value is a quiet run
// of the simulation's own application.
type Options struct {
	// Application makes the application of a node with this key; nil: the simulation's own.
	Application func(node int, key keys.Public) Application
	// Invariants are checked in addition to the protocol's own.
	Invariants []Invariant
	// Trace receives one line for each thing that happens; nil: none. It does not change the run.
	Trace io.Writer
	// Endless continues the run until the deadline, even after everything promised has happened.
	Endless bool
	// Payload makes the payload of a submission at a node whose newest group is this one; nil: its
	// index and Size-8 zeros.
	Payload func(newest *membership.Group, s Submission) []byte
	// Limits are those of the groups, and Pool those of the mempools. Zero: small ones, so that
	// adversaries reach them. The budgets of peers are small if Limits is zero, else the defaults.
	Limits membership.Limits
	Pool   mempool.Limits
	// Measure counts bytes, even without real keys: see Result.Measured.
	Measure bool
	// Stores run next to the disks of some nodes, with real keys only; nil: none do.
	Stores Stores
	// Stop is called from time to time and reports whether to end the run at once; nil: never.
	// Unfinished promises are not judged then.
	Stop func() bool
}

// world is one simulation in progress. It runs on one goroutine.
type world struct {
	schedule  Schedule
	options   Options
	work      admission.Limits // budgets of peers
	queue     queue
	now       int64 // microseconds
	keyring   *keyring
	nodes     []*node
	places    map[keys.Public]int
	groups    []*membership.Group
	links     []uint32 // frames sent so far, by sender and receiver
	cuts      []Fault  // partitions in effect
	slowed    map[[2]int]int64
	submitted []*block.Message // by the index of their submission; nil: not made
	check     *checker
	coalition *coalition
	trace     trace
	stats     Stats
	meter     meter
	pipes     []link // by sender and receiver, under a rate
	bounds    derived.Transport
	packed    any // identity of the frame that was measured last
	parcel    parcel
	header    block.Header // whose ID was computed last
	id        block.ID
	done      bool
}

// Stats count what happened.
type Stats struct {
	Events   int   // discrete events
	Frames   int   // sent by engines, gossip included
	Protocol int   // proposals, echoes and certificates sent by engines
	Bytes    int64 // encoded; counted only with real keys
	Blocks   int   // certified by a correct creator
	Crashes  int
	Forks    int // alarms of correct members
	// Postponed counts blocks that a node let wait because their chain had used up its rate.
	Postponed int
	Virtual   int64   // milliseconds that the schedule took
	Dropped   int     // frames that a full queue dropped, under LinkRate or Costs
	Cuts      int     // peers that were cut off, under Costs
	Busy      []int64 // microseconds for which each node's processor was busy, under Costs
}

// Result is the result of a schedule.
type Result struct {
	Schedule   Schedule
	Violations []Violation // empty: every promise was kept
	Hash       uint64      // of the whole trace
	Stats      Stats
	Measured   Measured // under Options.Measure
	Delays     []Delay  // of blocks of correct creators, in the order of their certificates
}

// Run runs a schedule. The same schedule gives the same result on every machine.
func Run(schedule Schedule, options Options) (Result, error) {
	if err := schedule.Validate(); err != nil {
		return Result{}, err
	}
	return newWorld(schedule, options).run(), nil
}

// run runs the schedule.
func (w *world) run() Result {
	w.loop()
	w.stats.Virtual = w.now / 1000
	w.check.end()
	w.closeStores()
	return Result{
		Schedule: w.schedule, Violations: w.check.violations, Hash: w.trace.hash, Stats: w.stats, Measured: w.meter.measured, Delays: w.check.delays(),
	}
}

// loop carries out one task after the other. A panic of an engine or an application is a violation:
// nothing that a peer sends may cause one.
func (w *world) loop() {
	defer func() {
		if r := recover(); r != nil {
			w.check.violate("no panics", "%v\n%s", r, debug.Stack())
		}
	}()
	schedule, options := w.schedule, w.options
	w.begin()
	for w.queue.len() > 0 && !w.done {
		at, o := w.queue.pop()
		if at > schedule.Deadline*1000 {
			break
		}
		w.now = at
		w.stats.Events++
		if w.stats.Events%4096 == 0 && options.Stop != nil && options.Stop() {
			w.done = true
			break
		}
		w.handle(o)
		if w.check.failed() && !options.Endless {
			break
		}
	}
}

func newWorld(schedule Schedule, options Options) *world {
	budgets := admission.Limits{} // the defaults
	if options.Limits == (membership.Limits{}) {
		options.Limits, budgets = limits, work(schedule)
	}
	if options.Pool == (mempool.Limits{}) {
		options.Pool = pool
		if slices.ContainsFunc(schedule.Faults, func(f Fault) bool { return f.Kind == Pile }) {
			options.Pool = pilePool
		}
	}
	w := &world{
		schedule: schedule, options: options, work: budgets, keyring: newKeyring(schedule.Real), places: map[keys.Public]int{},
		links: make([]uint32, schedule.Nodes*schedule.Nodes), slowed: map[[2]int]int64{}, submitted: make([]*block.Message, len(schedule.Submissions)),
		trace: trace{out: options.Trace, hash: traceStart},
		meter: meter{measured: Measured{Sent: make([]int64, schedule.Nodes)}},
	}
	for i := range schedule.Nodes {
		n := newNode(w, i)
		w.nodes = append(w.nodes, n)
		w.places[n.key.Public()] = i
	}
	w.check = newChecker(w)
	w.prepareLoad()
	w.coalition = newCoalition(w)
	w.addGroup(schedule.Members)
	for _, f := range schedule.Faults {
		if f.Kind == NewGroup {
			w.addGroup(f.Nodes)
		}
	}
	return w
}

// addGroup makes the next group.
func (w *world) addGroup(nodes []int) {
	members := make([]keys.Public, len(nodes))
	for i, n := range nodes {
		members[i] = w.nodes[n].key.Public()
	}
	group, err := membership.NewGroup(network, uint64(len(w.groups)+1), members, w.options.Limits)
	if err != nil {
		panic(fmt.Sprintf("simulation: group of a valid schedule: %v", err))
	}
	w.groups = append(w.groups, group)
}

// begin plans what the schedule says and starts the nodes.
func (w *world) begin() {
	next := 1
	for i, f := range w.schedule.Faults {
		switch {
		case f.Kind == NewGroup:
			for _, n := range w.nodes {
				at := f.At*1000 + int64(hash(w.schedule.Seed, uint64(i), uint64(n.place))%uint64(f.For*1000+1))
				w.queue.push(at, task{kind: answer, to: int32(n.place), index: int32(next), incarnation: anyIncarnation})
			}
			next++
		case f.Kind == CrashStep:
			n := w.nodes[f.Node]
			n.crashes = append(n.crashes, f)
		default:
			w.queue.push(f.At*1000, task{kind: faultStart, index: int32(i)})
		}
	}
	for i, s := range w.schedule.Submissions {
		w.queue.push(s.At*1000, task{kind: submit, to: int32(s.Node), index: int32(i)})
	}
	w.queue.push(w.schedule.Heal*1000, task{kind: inspection})
	for _, n := range w.nodes {
		n.knownGroups = 1
		n.start()
	}
	w.coalition.begin()
}

// anyIncarnation marks a task that reaches its node even if it restarted.
const anyIncarnation = ^uint32(0)

// handle carries out one task.
func (w *world) handle(o task) {
	switch o.kind {
	case arrival, rawArrival:
		w.arrive(o)
	case timer:
		w.nodes[o.to].timer(o.incarnation)
	case answer:
		n := w.nodes[o.to]
		switch {
		case o.incarnation == anyIncarnation:
			n.learnGroups(int(o.index))
		case n.up && n.incarnation == o.incarnation:
			n.post(o.event)
		}
	case flush:
		if n := w.nodes[o.to]; n.up && n.incarnation == o.incarnation {
			n.flush()
		}
	case submit:
		w.nodes[o.to].submit(w.schedule.Submissions[o.index], int(o.index))
	case faultStart:
		w.faultStart(int(o.index))
	case recovery:
		w.endFault(o)
	case adversaryTick:
		w.coalition.tick(int(o.to))
	case inspection:
		w.inspect()
	default:
		w.handleLoad(o)
	}
}

// healed reports whether faults have ended.
func (w *world) healed() bool { return w.now >= w.schedule.Heal*1000 }

// send puts a frame on a link.
func (w *world) send(from, to int, frame wire.Frame) {
	w.stats.Frames++
	w.check.sentAboutPool(from, to, frame)
	if w.options.Measure {
		w.meter.add(from, frame, false)
	}
	var data []byte
	if w.schedule.Real {
		data = wire.Encode(frame)
		w.stats.Bytes += int64(len(data))
	}
	w.carry(from, to, task{kind: arrival, frame: frame, data: data}, false)
}

// carry delays, loses and duplicates what is on a link.
func (w *world) carry(from, to int, o task, gossip bool) {
	link := from*len(w.nodes) + to
	w.links[link]++
	bits := hash(w.schedule.Seed, uint64(link), uint64(w.links[link]))
	if !w.healed() {
		if w.cut(from, to) || int(bits>>40%1000) < w.schedule.Loss || gossip && w.schedule.NoGossip {
			return
		}
	} else if gossip && w.schedule.NoGossip {
		return
	}
	o.from, o.to, o.gossip = int32(from), int32(to), gossip
	if w.loaded() && w.apart(from, to) {
		return
	}
	copies := 1
	if !w.healed() && int(bits>>20%1000) < w.schedule.Duplicate {
		copies = 2
	}
	for range copies {
		delay := w.schedule.delay(from, to, bits&0xfffff)
		bits = mix(bits)
		if w.loaded() {
			w.ship(o, delay)
			continue
		}
		w.queue.push(w.arrival(from, to, delay), o)
	}
}

// arrival returns when a frame arrives that is sent now.
func (w *world) arrival(from, to int, delay int64) int64 {
	return max(w.now+delay, w.slowed[[2]int{from, to}])
}

// cut reports whether a partition separates two nodes.
func (w *world) cut(a, b int) bool {
	for _, f := range w.cuts {
		if contains(f.Nodes, a) != contains(f.Nodes, b) {
			return true
		}
	}
	return false
}

func contains(nodes []int, n int) bool {
	for _, other := range nodes {
		if other == n {
			return true
		}
	}
	return false
}

// inspect ends the run once everything promised has happened.
func (w *world) inspect() {
	for _, n := range w.nodes {
		n.readAll()
	}
	if !w.options.Endless && w.check.settled() && w.check.spent() {
		w.done = true
		return
	}
	w.queue.push(w.now+200_000, task{kind: inspection})
}

// message makes a client's message.
func (w *world) message(key block.Signer, label string, payload []byte, time int64) block.Message {
	m, err := block.NewMessage(key, network, label, payload, time)
	if err != nil {
		panic(fmt.Sprintf("simulation: message of a valid schedule: %v", err))
	}
	return m
}

// engineConfig returns the configuration of every engine.
func (w *world) engineConfig(key keys.Public) engine.Config {
	include := mempool.Own
	if w.schedule.All {
		include = mempool.All
	}
	limits := w.options.Pool
	if w.schedule.Known > 0 {
		limits.Known = w.schedule.Known
	}
	return engine.Config{
		Self: key, Include: include, Mempool: limits, Exchange: w.schedule.Exchange, HandOver: w.schedule.HandOver,
		Rate: broadcast.Rate{PerSecond: w.schedule.Rate, Burst: w.schedule.Burst},
	}
}

// forgedMessage makes a message with a sender's name and an invalid signature.
func (w *world) forgedMessage(sender keys.Public) block.Message {
	return w.message(forger{sender}, "", []byte("forged"), Beginning+w.now/1000)
}

// forger makes invalid signatures.
type forger struct{ key keys.Public }

func (f forger) Public() keys.Public      { return f.key }
func (forger) Sign([]byte) keys.Signature { return keys.Signature{1} }

// idOf returns a block's ID. It remembers the last one, because many callers ask for the same block
// in a row.
func (w *world) idOf(b *block.Block) block.ID {
	if w.header != b.Header {
		w.header, w.id = b.Header, b.ID()
	}
	return w.id
}
