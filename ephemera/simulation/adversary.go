package simulation

import (
	"maps"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// adversary decides what a Byzantine member does. An honest engine runs inside the member; the
// adversary may pass on, alter or drop its frames. It may also make frames of its own and sign them
// with the key of any Byzantine member.
type adversary interface {
	// send is called for each frame that the engine inside sends.
	send(p *byzantine, to int, frame wire.Frame)
	// receive is called for each verified frame that arrives. If it returns false, the engine inside
	// does not get the frame.
	receive(p *byzantine, from int, frame wire.Frame) bool
	// tick is called every tickEvery milliseconds.
	tick(p *byzantine)
}

// tickEvery is how often an adversary acts on its own, in milliseconds.
const tickEvery = 150

// adversaries maps the name of each kind to its constructor.
var adversaries = map[string]func() adversary{
	"adaptive":       func() adversary { return &adaptive{} },
	"blindecho":      func() adversary { return &blindEcho{} },
	"client":         func() adversary { return &client{} },
	"digests":        func() adversary { return &digests{} },
	"doublesign":     func() adversary { return &doubleSign{} },
	"drip":           func() adversary { return &drip{} },
	"equivocate":     func() adversary { return &equivocate{} },
	"extremes":       func() adversary { return &extremes{} },
	"fork":           func() adversary { return &fork{} },
	"garbage":        func() adversary { return &garbage{} },
	"hidden":         func() adversary { return &hidden{} },
	"hoarder":        func() adversary { return &hoarder{} },
	"impostor":       func() adversary { return &impostor{} },
	"latereport":     func() adversary { return &lateReport{} },
	"liar":           func() adversary { return &liar{} },
	"one":            func() adversary { return &one{} },
	"poison":         func() adversary { return &poison{} },
	"pruned":         func() adversary { return &pruned{} },
	"replay":         func() adversary { return &replay{} },
	"restart":        func() adversary { return &restart{} },
	"silent":         func() adversary { return &silent{} },
	"spam":           func() adversary { return &spam{} },
	"stale":          func() adversary { return &stale{} },
	"twoheaders":     func() adversary { return &twoHeaders{} },
	"withhold":       func() adversary { return &withhold{} },
	"withheldreport": func() adversary { return &withheldReport{} },
}

// Adversaries returns the names of all adversaries in alphabetical order.
func Adversaries() []string { return slices.Sorted(maps.Keys(adversaries)) }

// honest is embedded by adversaries that leave some calls to the engine inside.
type honest struct{}

func (honest) send(p *byzantine, to int, frame wire.Frame) { p.forward(to, frame) }
func (honest) receive(*byzantine, int, wire.Frame) bool    { return true }
func (honest) tick(*byzantine)                             {}

// byzantine is a Byzantine member under the control of an adversary.
type byzantine struct {
	*node
	adversary adversary
	rng       random
}

// suppressesBlocks reports whether the adversary lets no block of the engine inside out. Then the
// engine makes none, because it would resend the block forever to nobody. It is false for a nil
// member, which is a correct one.
func (p *byzantine) suppressesBlocks() bool {
	if p == nil {
		return false
	}
	keeper, ok := p.adversary.(interface{ suppressesBlocks(now int64) bool })
	return ok && keeper.suppressesBlocks(p.w.now)
}

// coalition is all Byzantine members. They know each other's keys and plans.
type coalition struct {
	w       *world
	members []*byzantine
}

func newCoalition(w *world) *coalition {
	c := &coalition{w: w}
	for _, p := range w.schedule.Byzantine {
		n := w.nodes[p.Node]
		if n.byzantine != nil {
			continue
		}
		n.byzantine = &byzantine{node: n, adversary: constructor(p.Adversary)(), rng: random{state: hash(w.schedule.Seed, 21, uint64(p.Node))}}
		c.members = append(c.members, n.byzantine)
	}
	return c
}

func (c *coalition) begin() {
	for _, p := range c.members {
		c.w.queue.push(int64(p.rng.below(tickEvery))*1000, task{kind: adversaryTick, to: int32(p.place)})
	}
}

func (c *coalition) tick(place int) {
	p := c.w.nodes[place].byzantine
	if p.up && p.knownGroups > 0 {
		p.adversary.tick(p)
	}
	c.w.queue.push(c.w.now+tickEvery*1000, task{kind: adversaryTick, to: int32(place)})
}

// sendFromEngine hands a frame of the engine inside to the adversary.
func (p *byzantine) sendFromEngine(to int, frame wire.Frame) { p.adversary.send(p, to, frame) }

// forward sends a frame of the engine inside as it is.
func (p *byzantine) forward(to int, frame wire.Frame) {
	p.w.send(p.place, to, frame)
}

// inject sends a frame that the adversary made. It has to pass the border.
func (p *byzantine) inject(to int, frame wire.Frame) { p.injectAll([]int{to}, frame) }

// injectAll sends a frame that the adversary made to several nodes.
func (p *byzantine) injectAll(to []int, frame wire.Frame) {
	p.w.check.certificatesIn(frame)
	data := wire.Encode(frame)
	for _, other := range to {
		if other != p.place {
			p.w.stats.Frames++
			p.w.carry(p.place, other, task{kind: arrival, frame: frame, data: data}, false)
		}
	}
}

// injectBytes sends arbitrary bytes.
func (p *byzantine) injectBytes(to int, data []byte) {
	if to != p.place {
		p.w.carry(p.place, to, task{kind: rawArrival, data: data}, false)
	}
}

// receive handles a frame that reached the member. It reports whether the engine inside may see it:
// a frame that would reveal the member's own double signatures is kept from the engine, which would
// halt.
func (p *byzantine) receive(from int, frame wire.Frame) bool {
	if !p.adversary.receive(p, from, frame) {
		return false
	}
	switch f := frame.(type) {
	case wire.Evidence:
		return f.A.Header.Creator != p.key.Public()
	case wire.Echo:
		return f.Signer != p.key.Public()
	case wire.Frontier:
		return !p.shows(f)
	case wire.Fresh:
		return !p.shows(f.Frontier)
	case wire.Certificate:
		return !slices.Contains(f.Members(p.group(f.Slot.Group)), p.key.Public()) || p.voted(f.Slot, f.Block)
	}
	return true
}

// shows reports whether a frontier shows a header of this member.
func (p *byzantine) shows(f wire.Frontier) bool {
	return slices.ContainsFunc(f.Open, func(h block.SignedHeader) bool { return h.Header.Creator == p.key.Public() })
}

// voted reports whether the engine inside voted for a block.
func (p *byzantine) voted(slot block.Slot, id block.ID) bool {
	c := p.disk.chain(slot)
	if c == nil {
		return false
	}
	v := c.vote(slot.Height)
	return v != nil && v.id == id
}

// targetGroup returns the newest group that the member knows, or nil if it is not in that group or
// every member there is Byzantine.
func (p *byzantine) targetGroup() *membership.Group {
	g := p.w.groups[p.knownGroups-1]
	if !g.Contains(p.key.Public()) || !p.deceives(g) {
		return nil
	}
	return g
}

// deceives reports whether a group has a member that is not Byzantine. It runs at every tick, so it
// stops at the first one.
func (p *byzantine) deceives(g *membership.Group) bool {
	for i := range g.N() {
		if p.w.nodes[p.w.places[g.Member(i)]].byzantine == nil {
			return true
		}
	}
	return false
}

// victims returns the members of a group that are not Byzantine, by node.
func (p *byzantine) victims(g *membership.Group) []int {
	var out []int
	for i := range g.N() {
		if n := p.w.places[g.Member(i)]; p.w.nodes[n].byzantine == nil {
			out = append(out, n)
		}
	}
	return out
}

// allies returns the Byzantine members of a group.
func (p *byzantine) allies(g *membership.Group) []*byzantine {
	var out []*byzantine
	for _, q := range p.w.coalition.members {
		if g.Contains(q.key.Public()) {
			out = append(out, q)
		}
	}
	return out
}

// sign signs a header with the member's key.
func (p *byzantine) sign(h block.Header) block.SignedHeader {
	return block.SignedHeader{Header: h, Signature: p.key.Sign(h.SigningBytes())}
}

// newMessage makes a message signed with the member's key.
func (p *byzantine) newMessage(label string, size int) block.Message {
	payload := make([]byte, size)
	for i := 0; i < len(payload) && i < 8; i++ {
		payload[i] = byte(p.rng.next())
	}
	m := p.w.message(p.key, label, payload, p.wall())
	p.w.check.made[m.ID()] = true
	return m
}

// forgeBlock makes a signed block for a slot of the member.
func (p *byzantine) forgeBlock(g *membership.Group, height uint64, parent block.ID, messages ...block.Message) block.Block {
	b := block.New(g, p.key.Public(), height, parent, p.wall(), messages)
	b.SignedHeader = p.sign(b.Header)
	return b
}

// chainHead returns the next height of the member's chain in a group and its parent, as the engine
// inside knows them.
func (p *byzantine) chainHead(g *membership.Group) (height uint64, parent block.ID) {
	d := p.disk.find(g.ID())
	if d == nil {
		return 1, block.ID{}
	}
	i, _ := g.Index(p.key.Public())
	certified := d.chains[i].certified
	if len(certified) == 0 {
		return 1, block.ID{}
	}
	return uint64(len(certified)) + 1, certified[len(certified)-1].Certificate.Block
}

// ballot collects echoes for one block of an adversary.
type ballot struct {
	block  block.Block
	group  *membership.Group
	echoes map[int]keys.Signature // by place in the group
}

func newBallot(p *byzantine, g *membership.Group, b block.Block) *ballot {
	v := &ballot{block: b, group: g, echoes: map[int]keys.Signature{}}
	for _, friend := range p.allies(g) {
		v.count(friend.node.echo(b.Header.Slot(), b.ID()))
	}
	return v
}

// count adds an echo, and reports whether it is for this block.
func (v *ballot) count(e certificate.Echo) bool {
	if e.Block != v.block.ID() || e.Slot != v.block.Header.Slot() {
		return false
	}
	if i, ok := v.group.Index(e.Signer); ok {
		v.echoes[i] = e.Signature
	}
	return true
}

// certificate returns the certificate if there are enough echoes.
func (v *ballot) certificate() (certificate.Certificate, bool) {
	if len(v.echoes) < v.group.Q() {
		return certificate.Certificate{}, false
	}
	return certificate.New(v.group, v.block.Header.Slot(), v.block.ID(), v.echoes), true
}
