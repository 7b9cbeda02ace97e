package simulation

import (
	"encoding/binary"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/admission"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// node is a whole member: an engine, a disk, the marker next to it, and an application.
type node struct {
	w             *world
	place         int
	key           signer
	app           Application
	disk          *disk
	drift, offset int64 // of the clock: parts per million, milliseconds
	ahead         int64 // milliseconds by which the wall clock was set
	used          int64 // when the disk's running time was counted last, in microseconds

	files    files         // outside the store
	copies   []*disk       // of the store, each made just before a start
	states   []syncedState // after the last commits, if reverts
	reverts  bool          // the schedule reverts the disk
	reverted bool          // the disk was, since the last start

	engine      *engine.Engine
	admission   *admission.Admission
	up          bool
	incarnation uint32
	knownGroups int    // the number of the newest group that the provider announced
	skips       bool   // the provider announces the newest group only
	knows       []bool // by the group's number less one
	pending     []engine.Event
	inbox       []engine.Event // waits for Schedule.Linger
	running     bool           // in the loop that carries out effects
	timerAt     int64
	effects     int // carried out so far
	crashes     []Fault
	failing     int64 // how long the node is down when the next commit fails; 0: it does not fail
	failsLate   bool  // after the write is durable
	queries     uint64
	hangs       int64 // until when the application answers nothing, in microseconds
	halted      string
	full        Fault        // the FillDisk in effect; its end is At+For
	told        engine.Space // what the engine knows of the disk
	byzantine   *byzantine   // nil: correct
	twin        *twin        // nil: no real store runs next to the disk
	diskLost    bool         // since the last start
	server      *server      // nil: work takes no time
	conduct     *conduct     // nil: of no peer
	tickets     []*messageBook
}

func newNode(w *world, place int) *node {
	seed := w.schedule.Seed
	n := &node{
		w: w, place: place, key: w.keyring.add(hash(seed, 7, uint64(place))), disk: newDisk(),
		skips:   contains(w.schedule.Skips, place),
		reverts: slices.ContainsFunc(w.schedule.Faults, func(f Fault) bool { return f.Node == place && (f.Kind == Revert || f.Kind == RevertAll) }),
		drift:   between(hash(seed, 1, uint64(place)), int64(w.schedule.Drift)), offset: between(hash(seed, 2, uint64(place)), w.schedule.Offset),
	}
	if w.options.Application != nil {
		n.app = w.options.Application(place, n.key.Public())
	} else {
		n.app = newNotes(w.schedule, place)
	}
	return n
}

// clock returns the node's own time in milliseconds since 1970. The clock runs fast or slow, and
// never backwards.
func (n *node) clock() int64 {
	seconds, rest := n.w.now/1_000_000, n.w.now%1_000_000
	return Beginning + n.offset + (n.w.now+seconds*n.drift+rest*n.drift/1_000_000)/1000
}

// wall returns the time of the node's wall clock, which may be set.
func (n *node) wall() int64 { return max(0, n.clock()+n.ahead) }

// useDisk counts for how long the disk has been in use.
func (n *node) useDisk() {
	passed := (n.w.now - n.used) / 1000
	n.disk.running, n.used = n.disk.running+passed, n.used+passed*1000
}

// included returns the messages of certified blocks that are signed since a time and that this
// node's mempool must not accept again.
func (n *node) included(since int64) []store.Included {
	all := n.disk.included(since, n.key.Public())
	if n.w.schedule.All {
		all = slices.DeleteFunc(all, func(m store.Included) bool { return !m.Own })
	}
	return all
}

// virtualTime returns when the node's clock reaches a time, in virtual microseconds.
func (n *node) virtualTime(due int64) int64 {
	local := (due - Beginning - n.offset) * 1000
	if n.drift == 0 {
		return local
	}
	pace := 1_000_000 + n.drift
	return local/pace*1_000_000 + local%pace*1_000_000/pace + 2 // divisions round down
}

// between turns random bits into a number in [-greatest, greatest].
func between(bits uint64, greatest int64) int64 {
	return int64(bits%uint64(2*greatest+1)) - greatest
}

// start does what home.Open and Node.Run do: count the start, compare store and marker (R8), record
// the groups, load the state, begin.
func (n *node) start() {
	n.copies = append(n.copies, n.disk.snapshot())
	if len(n.copies) > 3 {
		n.copies = n.copies[1:]
	}
	if n.lostVotes() {
		n.disk.mutedThrough = max(n.disk.mutedThrough, n.files.group)
		n.w.check.lost(n)
	}
	n.w.check.opened(n)
	n.disk.starts, n.disk.votes, n.reverted = n.files.starts+1, max(n.disk.votes, n.files.votes), false
	n.files.starts, n.files.votes = n.disk.starts, n.disk.votes
	n.remember()
	announced := n.w.groups[:n.knownGroups]
	if n.skips && n.knownGroups > 0 {
		announced = announced[n.knownGroups-1:]
	}
	for _, g := range announced {
		if err := n.disk.putGroup(g); err != nil {
			n.w.check.violate("R9", "node %d cannot record group %d: %v", n.place, g.Number(), err)
		}
	}
	n.openTwin()
	var known []engine.Known
	n.knows = make([]bool, len(n.w.groups))
	for i := range n.disk.groups {
		g := &n.disk.groups[i]
		n.knows[g.group.Number()-1] = true
		known = append(known, engine.Known{
			Group: g.group, State: g.load(), Muted: g.group.Number() <= n.disk.mutedThrough, Closed: g.closed,
		})
	}
	config := n.w.engineConfig(n.key.Public())
	config.Since = max(0, n.wall()-config.Mempool.WithDefaults().TTL.Milliseconds())
	config.Included = n.included(config.Since)
	n.engine, n.used, n.told = engine.New(config, known), n.w.now, engine.Space{}
	n.startAdmission(known)
	n.up, n.halted, n.timerAt, n.pending, n.inbox = true, "", 0, nil, nil
	n.incarnation++
	n.server, n.conduct = newServer(n), newConduct(n)
	n.w.trace.add(n.w.now, 'u', n.place, 0, uint64(n.incarnation))
	n.w.trace.printf(n.w.now, "%d starts", n.place)
	n.w.check.started(n)
	n.step(engine.Start{Nonce: n.nonce()})
	n.measure()
	if n.w.schedule.Connect {
		n.connectAll()
	}
}

// nonce returns that of this start.
func (n *node) nonce() (nonce wire.Nonce) {
	binary.BigEndian.PutUint64(nonce[:], hash(n.w.schedule.Seed, 14, uint64(n.place), uint64(n.incarnation)))
	return nonce
}

// connectAll lets the node and all others notice each other.
func (n *node) connectAll() {
	for _, other := range n.w.nodes {
		if other == n || !other.up {
			continue
		}
		at := n.w.now + n.w.schedule.delay(n.place, other.place, 0)
		n.w.queue.push(at, task{kind: answer, to: int32(other.place), incarnation: other.incarnation, event: engine.Connected{Peer: n.key.Public()}})
		n.w.queue.push(at, task{kind: answer, to: int32(n.place), incarnation: n.incarnation, event: engine.Connected{Peer: other.key.Public()}})
	}
}

// crash stops the node and starts it again later. What is not on the disk is lost.
func (n *node) crash(away int64) {
	n.down()
	n.w.queue.push(n.w.now+max(away, 1)*1000, task{kind: recovery, to: int32(n.place), incarnation: n.incarnation, index: -1})
}

func (n *node) down() {
	n.w.stats.Crashes++
	n.useDisk()
	n.w.trace.add(n.w.now, 'd', n.place, 0, uint64(n.incarnation))
	n.w.trace.printf(n.w.now, "%d stops", n.place)
	n.up, n.engine, n.pending, n.inbox, n.server, n.conduct = false, nil, nil, nil, nil, nil
	n.w.disconnectAll(n.place)
	n.disk.cursors = nil
	n.closeTwin()
	n.w.check.stopped(n)
}

// learnGroups announces the groups up to this index to the node, in the order of their numbers. A
// node that hears late hears of all of them, unless its provider announces the newest only.
func (n *node) learnGroups(index int) {
	if n.skips {
		n.knownGroups = max(n.knownGroups, index)
	}
	for n.knownGroups <= index {
		g := n.w.groups[n.knownGroups]
		n.knownGroups++
		if n.up {
			n.knows[g.Number()-1] = true
		}
		n.step(engine.Adopt{Group: g, Muted: g.Number() <= n.disk.mutedThrough})
	}
}

// step hands events to the engine: at once, or when their turn comes if work takes time.
func (n *node) step(events ...engine.Event) {
	if n.server == nil {
		n.turn(events...)
		return
	}
	for _, event := range events {
		if n.server != nil { // the node is still up
			n.server.post(event)
		}
	}
}

// turn runs the engine on one event after the other, or on all at once with Linger, and carries out
// the effects one at a time: a crash may fall between any two. Immediate answers are stepped once
// the effects before them are carried out, as in the shipped runner.
func (n *node) turn(events ...engine.Event) {
	if !n.up || n.halted != "" {
		return
	}
	n.pending = append(n.pending, events...)
	if n.running {
		return
	}
	n.running = true
	incarnation := n.incarnation
	for i := 0; i < len(n.pending) && n.up && n.incarnation == incarnation; {
		first := i
		if i++; n.w.schedule.Linger > 0 {
			i = len(n.pending)
		}
		n.stepBatch(n.pending[first:i])
	}
	n.running = false
	if n.incarnation == incarnation {
		clear(n.pending)
		n.pending = n.pending[:0]
	}
	if n.up && n.halted == "" {
		n.w.check.bounds(n)
		n.armTimer()
	}
}

// armTimer sets the timer to the engine's deadline.
func (n *node) armTimer() {
	at := max(n.virtualTime(n.engine.Deadline()), n.w.now+1)
	if n.timerAt > n.w.now && n.timerAt <= at {
		return
	}
	n.timerAt = at
	n.w.queue.push(n.timerAt, task{kind: timer, to: int32(n.place), incarnation: n.incarnation})
}

func (n *node) timer(incarnation uint32) {
	if !n.up || n.incarnation != incarnation || n.halted != "" || n.timerAt != n.w.now {
		return
	}
	n.timerAt = 0
	if n.engine.Deadline() <= n.clock() {
		n.step(engine.Tick{})
		return
	}
	n.armTimer()
}

// groupOf returns the group of a frame, or false if the frame is about no single group.
func groupOf(frame wire.Frame) (membership.ID, bool) {
	if blocks, ok := frame.(wire.Blocks); ok && len(blocks.Blocks) > 0 {
		return blocks.Blocks[0].Block.Header.Group, true
	}
	id := wire.GroupOf(frame)
	return id, id != membership.ID{}
}

// found notes that the node takes a group that it skipped.
func (n *node) found(group *membership.Group) {
	i := int(group.Number()) - 1
	if i >= len(n.w.groups) || n.w.groups[i].ID() != group.ID() {
		n.w.check.violate("R9", "node %d takes a group %d that does not exist", n.place, group.Number())
		return
	}
	n.knows[i] = true
	n.w.trace.add(n.w.now, 'g', n.place, 0, group.Number())
	n.w.trace.printf(n.w.now, "%d takes the skipped group %d", n.place, group.Number())
}

// group returns a group that the node knows, or nil.
func (n *node) group(id membership.ID) *membership.Group {
	for i, g := range n.w.groups[:n.knownGroups] {
		if g.ID() == id && n.knows[i] {
			return g
		}
	}
	return nil
}

// received hands a verified frame to the engine.
func (n *node) received(from keys.Public, frame wire.Verified) {
	n.post(engine.Received{From: from, Frame: frame})
}

// judge returns the application's decision about a message.
func (n *node) judge(m block.Message) verdict.Decision {
	d := n.app.CheckMessage(n.clock(), m)
	if d.IsZero() {
		panic("simulation: the application answered CheckMessage with the " + verdict.ErrZero.Error())
	}
	return d
}

// payload returns the payload of a submission: its index and zeros, unless the options make
// another.
func (n *node) payload(s Submission, index int) []byte {
	if n.w.options.Payload != nil && n.knownGroups > 0 {
		return n.w.options.Payload(n.w.groups[n.knownGroups-1], s)
	}
	payload := make([]byte, max(s.Size, 8))
	for i := range 8 {
		payload[i] = byte(uint64(index) >> (8 * i))
	}
	return payload
}

// submit submits a client's message, signed with the node's own key as reports are.
func (n *node) submit(s Submission, index int) {
	if !n.up || n.halted != "" {
		return
	}
	m, again := n.message(s, index)
	if m == nil || !n.judge(*m).IsAccept() {
		return
	}
	n.w.submitted[index] = m
	if again {
		n.w.check.submittedAgain(n)
	} else {
		n.w.check.submitted(n, *m)
	}
	n.step(engine.Submitted{Ticket: uint64(index), Message: *m})
}

// message returns the message of a submission. If it repeats an earlier one that was not made, it
// returns nil.
func (n *node) message(s Submission, index int) (m *block.Message, again bool) {
	if s.Again > 0 {
		return n.w.submitted[s.Again-1], true
	}
	time := s.Time
	if time == 0 {
		time = n.wall()
	}
	made := n.w.message(n.key, s.Label, n.payload(s, index), time)
	return &made, false
}
