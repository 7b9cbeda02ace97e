package engine_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/memory"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

const (
	network = "engine-test"
	epoch   = int64(1_700_000_000_000) // a cluster's clock starts here
)

// cluster runs engines on one thread: the network is a list, the clock a number, and disks lose
// what was not persisted. Effects are carried out one at a time, so that a member can crash between
// any two of them.
type cluster struct {
	t       require.TestingT
	keys    []keys.Private      // in the group's order
	group   *membership.Group   // the newest
	groups  []*membership.Group // by number, from 1; the first has all members
	config  engine.Config
	members []*member
	now     int64
	flight  []packet // in the order in which they were sent
	history []packet // everything that was ever sent
	cut     []filter // packets that are lost when they are sent
	names   map[block.Slot][]block.ID
	opened  map[string]wire.Verified // by bytes: what was verified before
	trace   func(format string, args ...any)
	observe func(m *member, effect engine.Effect) // sees each effect before it is carried out
}

// packet is a frame in flight. It was encoded, and is opened again at its destination.
type packet struct {
	from, to int
	gossip   bool
	frame    wire.Frame
	data     []byte
}

func (p packet) kind() string {
	if p.gossip {
		return "gossip"
	}
	return wire.KindOf(p.frame).String()
}

// filter selects packets; -1 and "" stand for any.
type filter struct {
	from, to int
	kind     string
}

func (f filter) matches(p packet) bool {
	return (f.from < 0 || f.from == p.from) && (f.to < 0 || f.to == p.to) && (f.kind == "" || f.kind == p.kind())
}

// member is one engine with its disk and its application.
type member struct {
	place        int
	disk         *memory.Disk
	store        *memory.Store
	engine       *engine.Engine // nil while down
	mutedThrough uint64         // group number
	halted       string
	pending      []engine.Effect
	events       []engine.Event
	crash        crash

	enough    int                                  // how many candidates make a block
	verdicts  map[int]verdict.Decision             // by creator; Accept if not listed
	failing   bool                                 // its application accepts no block
	judge     func(block.Message) verdict.Decision // of its application; nil: accept; zero: no answer
	asked     []block.MessageID
	delivered []block.Slot
	answers   []error    // what clients were told
	sent      wire.Frame // last
}

// crash says when a member is to stop: before or after the next effect with that name.
type crash struct{ before, after string }

func testKeys(n int) []keys.Private {
	all := make([]keys.Private, n)
	for i := range all {
		all[i] = keys.FromSeed(sha256.Sum256(fmt.Append(nil, "member ", i)))
	}
	slices.SortFunc(all, func(a, b keys.Private) int { return a.Public().Compare(b.Public()) })
	return all
}

func newCluster(t require.TestingT, n int, config engine.Config, limits membership.Limits) *cluster {
	c := &cluster{t: t, keys: testKeys(n), config: config, now: epoch}
	c.opened = map[string]wire.Verified{}
	c.names, c.trace = map[block.Slot][]block.ID{}, func(string, ...any) {}
	c.observe = func(*member, engine.Effect) {}
	var public []keys.Public
	for _, key := range c.keys {
		public = append(public, key.Public())
	}
	var err error
	c.group, err = membership.NewGroup(network, 1, public, limits)
	require.NoError(t, err)
	c.groups = []*membership.Group{c.group}
	for i := range n {
		c.members = append(c.members, &member{place: i, disk: memory.NewDisk(), enough: 1, verdicts: map[int]verdict.Decision{}})
	}
	return c
}

// start makes a member's engine from what is on its disk.
func (c *cluster) start(i int) {
	m := c.members[i]
	var err error
	m.store, err = m.disk.Open()
	require.NoError(c.t, err)
	require.NoError(c.t, m.store.Commit(context.Background(), []store.Write{store.PutGroup{Group: c.groups[0]}}))
	recorded, err := m.store.Groups(context.Background())
	require.NoError(c.t, err)
	var known []engine.Known
	for _, g := range recorded {
		state, err := m.store.Load(context.Background(), g.Group.ID())
		require.NoError(c.t, err)
		known = append(known, engine.Known{Group: g.Group, State: state, Muted: g.Group.Number() <= m.mutedThrough, Closed: g.Closed})
	}
	config := c.config
	config.Self = c.keys[i].Public()
	m.engine = engine.New(config, known)
	c.step(i, engine.Start{})
}

// stop stops a member at once: effects that were not carried out never happen.
func (c *cluster) stop(i int) {
	m := c.members[i]
	if m.engine == nil {
		return
	}
	m.engine, m.pending, m.events, m.crash = nil, nil, nil, crash{}
	require.NoError(c.t, m.store.Close())
	c.trace("%d down", i)
}

// step gives a member an event and carries out everything that follows from it.
func (c *cluster) step(i int, event engine.Event) {
	m := c.members[i]
	if m.engine == nil {
		return
	}
	m.events = append(m.events, event)
	for m.engine != nil && m.halted == "" {
		if len(m.pending) == 0 {
			if len(m.events) == 0 {
				return
			}
			next := m.events[0]
			m.events = m.events[1:]
			m.pending = m.engine.Step(engine.Input{Now: c.now, Wall: c.now, Event: next})
			continue
		}
		effect := m.pending[0]
		m.pending = m.pending[1:]
		name := effectName(effect)
		if m.crash.before == name {
			c.stop(i)
			return
		}
		c.observe(m, effect)
		c.carryOut(m, effect)
		if m.crash.after == name {
			c.stop(i)
		}
	}
}

// send puts a frame on the network, unless its link is cut.
func (c *cluster) send(from, to int, frame wire.Frame, gossip bool) {
	p := packet{from: from, to: to, frame: frame, gossip: gossip, data: wire.Encode(frame)}
	c.history = append(c.history, p)
	if slices.ContainsFunc(c.cut, func(f filter) bool { return f.matches(p) }) {
		return
	}
	c.flight = append(c.flight, p)
}

// receive opens a packet at its destination.
func (c *cluster) receive(p packet) {
	if c.members[p.to].engine == nil {
		return
	}
	frame, ok := c.opened[string(p.data)]
	if !ok {
		var err error
		if frame, err = c.open(p.data); err != nil {
			c.trace("%d refuses a frame of %d: %v", p.to, p.from, err)
			return
		}
		c.opened[string(p.data)] = frame
	}
	c.step(p.to, engine.Received{From: c.keys[p.from].Public(), Frame: frame})
}

// receiveFrom gives a member a frame of another without looking at its signatures.
func (c *cluster) receiveFrom(from, to int, frame wire.Frame) {
	c.step(to, engine.Received{From: c.keys[from].Public(), Frame: wire.AssumeVerified(frame)})
}

// open verifies a frame in the group that it is about.
func (c *cluster) open(data []byte) (frame wire.Verified, err error) {
	for _, g := range slices.Backward(c.groups) {
		if frame, err = wire.Open(g, data); err == nil {
			break
		}
	}
	return frame, err
}

// grow makes the next group, of all members except some.
func (c *cluster) grow(without ...int) {
	var public []keys.Public
	for i, key := range c.keys {
		if !slices.Contains(without, i) {
			public = append(public, key.Public())
		}
	}
	var err error
	c.group, err = membership.NewGroup(network, uint64(len(c.groups)+1), public, c.groups[0].Limits())
	require.NoError(c.t, err)
	c.groups = append(c.groups, c.group)
}

// groupOf returns the group with this ID.
func (c *cluster) groupOf(id membership.ID) *membership.Group {
	i := slices.IndexFunc(c.groups, func(g *membership.Group) bool { return g.ID() == id })
	require.GreaterOrEqual(c.t, i, 0)
	return c.groups[i]
}

// deliver hands over the packets that are in flight now and match. What follows from them stays in
// flight. It returns how many packets it handed over.
func (c *cluster) deliver(f filter) int {
	var chosen, rest []packet
	for _, p := range c.flight {
		if f.matches(p) {
			chosen = append(chosen, p)
		} else {
			rest = append(rest, p)
		}
	}
	c.flight = rest
	for _, p := range chosen {
		c.receive(p)
	}
	return len(chosen)
}

// hear lets members that started or adopted a group hear from each other (R8), and forgets that
// they did.
func (c *cluster) hear() {
	hearing := func(p packet) bool { return p.kind() == "get_frontier" || p.kind() == "fresh" }
	for slices.ContainsFunc(c.flight, hearing) {
		c.deliver(filter{from: -1, to: -1, kind: "get_frontier"})
		c.deliver(filter{from: -1, to: -1, kind: "fresh"})
	}
	c.history = slices.DeleteFunc(c.history, hearing)
}

// drop loses the packets that are in flight now and match.
func (c *cluster) drop(f filter) int {
	before := len(c.flight)
	c.flight = slices.DeleteFunc(c.flight, f.matches)
	return before - len(c.flight)
}

var everything = filter{from: -1, to: -1}

// quiesce delivers until nothing is in flight.
func (c *cluster) quiesce() {
	for range 10_000 {
		if c.deliver(everything) == 0 {
			return
		}
	}
	c.t.Errorf("members keep sending forever")
	c.t.FailNow()
}

// advance moves the clock forward and lets every member do what becomes due, in the order of time.
// With talk, packets arrive at once.
func (c *cluster) advance(by int64, talk bool) {
	end := c.now + by
	for range 1_000_000 {
		if talk {
			c.quiesce()
		}
		next, at := -1, end
		for i, m := range c.members {
			if m.engine == nil || m.halted != "" {
				continue
			}
			if due := max(m.engine.Deadline(), c.now); due < at || due == at && next < 0 {
				next, at = i, due
			}
		}
		c.now = max(c.now, at)
		if next < 0 {
			return
		}
		c.step(next, engine.Tick{})
		for m, again := c.members[next], 0; m.engine != nil && m.halted == "" && m.engine.Deadline() <= c.now && again < 16; again++ {
			// An answer that came within the step, such as a loaded group, may be due at once.
			c.step(next, engine.Tick{})
		}
		if m := c.members[next]; m.engine != nil && m.halted == "" {
			require.Greater(c.t, m.engine.Deadline(), c.now, "member %d's timer stays in the past", next)
		}
	}
	c.t.Errorf("timers keep the clock from moving on")
	c.t.FailNow()
}

// submit gives a member a client's message, signed by the member.
func (c *cluster) submit(i int, text string) block.Message {
	m, err := block.NewMessage(c.keys[i], network, "note", []byte(text), c.now)
	require.NoError(c.t, err)
	c.step(i, engine.Submitted{Message: m})
	return m
}

// forge makes a signed block that the creator's engine does not know.
func (c *cluster) forge(creator int, height uint64, parent block.ID, texts ...string) block.Block {
	var messages []block.Message
	for _, text := range texts {
		m, err := block.NewMessage(c.keys[creator], network, "note", []byte(text), c.now)
		require.NoError(c.t, err)
		messages = append(messages, m)
	}
	b := block.New(c.group, c.keys[creator].Public(), height, parent, c.now, messages)
	b.Signature = c.keys[creator].Sign(b.Header.SigningBytes())
	return b
}

// echo returns a member's signature for a block of a slot.
func (c *cluster) echo(signer int, slot block.Slot, id block.ID) certificate.Echo {
	signature := c.keys[signer].Sign(certificate.SigningBytes(network, slot, id))
	return certificate.Echo{Slot: slot, Block: id, Signer: c.keys[signer].Public(), Signature: signature}
}

// certify makes a certificate of these members' signatures.
func (c *cluster) certify(b block.Block, signers ...int) certificate.Certificate {
	signatures := map[int]keys.Signature{}
	for _, i := range signers {
		signatures[i] = c.echo(i, b.Header.Slot(), b.ID()).Signature
	}
	return certificate.New(c.group, b.Header.Slot(), b.ID(), signatures)
}

// place returns a key's place in the first group, by which members are named.
func (c *cluster) place(key keys.Public) int {
	i, ok := c.groups[0].Index(key)
	require.True(c.t, ok)
	return i
}

// status returns the status of a running member in the newest group.
func (c *cluster) status(i int) engine.Status {
	status, ok := c.members[i].engine.Status(c.group.ID())
	require.True(c.t, ok)
	return status
}

// stored returns what a member has stored of the first group, whether it is up or down.
func (c *cluster) stored(i int) (state store.State) {
	m := c.members[i]
	st := m.store
	if m.engine == nil {
		var err error
		st, err = m.disk.Snapshot().Open()
		require.NoError(c.t, err)
	}
	state, err := st.Load(context.Background(), c.groups[0].ID())
	require.NoError(c.t, err)
	return state
}
