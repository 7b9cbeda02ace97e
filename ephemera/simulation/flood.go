package simulation

import (
	"maps"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// attacks maps the names of adversaries that make as much work as they can to their constructors.
// They belong to schedules under Costs and LinkRate: Draw does not choose them as ordinary
// adversaries.
var attacks = map[string]func() adversary{
	"chain":        func() adversary { return &chain{} },
	"flapping":     func() adversary { return &flapping{} },
	"forks":        func() adversary { return &forks{} },
	"frontiers":    func() adversary { return &frontiers{} },
	"getstorm":     func() adversary { return &getStorm{} },
	"noise":        func() adversary { return &noise{} },
	"oldcerts":     func() adversary { return &oldCerts{} },
	"oversize":     func() adversary { return &oversize{} },
	"quota":        func() adversary { return &quota{} },
	"strangers":    func() adversary { return &strangers{} },
	"unresponsive": func() adversary { return &unresponsive{} },
}

// attackNames returns the names of all attacks in alphabetical order.
func attackNames() []string { return slices.Sorted(maps.Keys(attacks)) }

// constructor returns the constructor of an adversary or attack, or nil.
func constructor(name string) func() adversary {
	if made, ok := adversaries[name]; ok {
		return made
	}
	return attacks[name]
}

const (
	// floodFrames is how many frames a flood sends to a node at a tick if links have no rate.
	floodFrames = 3
	// floodBurst bounds them on fast links: more than the receiver's rate limit lets through.
	floodBurst = 2400
)

// flood sends frames to all victims until their links are busy beyond the next tick. Number counts
// the frames of this tick from 0.
func (p *byzantine) flood(frame func(g *membership.Group, number int) wire.Frame) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	victims := p.victims(g)
	for number := 0; ; number++ {
		victims = slices.DeleteFunc(victims, func(victim int) bool { return !p.idle(victim, number) })
		if len(victims) == 0 {
			return
		}
		p.injectAll(victims, frame(g, number))
	}
}

// idle reports whether the link to a victim will be idle before the next tick, if this many frames
// were sent at this one.
func (p *byzantine) idle(victim, number int) bool {
	l := p.w.linkOf(p.place, victim)
	if l == nil {
		return number < floodFrames
	}
	if number >= floodBurst || p.w.apart(p.place, victim) || !p.w.healed() && p.w.cut(p.place, victim) {
		return false
	}
	enough := int(p.w.schedule.LinkRate * 2 * tickEvery / 1000)
	return l.bytes < min(enough, p.w.bounds.QueueBytes/2) && len(l.waiting) < p.w.bounds.QueueFrames/2
}

// injectGossip publishes a frame that the adversary made to one node.
func (p *byzantine) injectGossip(to int, frame wire.Frame) {
	p.w.stats.Frames++
	p.w.carry(p.place, to, task{kind: arrival, frame: frame, data: wire.Encode(frame)}, true)
}

// reconnect closes the connection to a node and opens another one, unless the node refuses it.
func (p *byzantine) reconnect(to int) {
	if !p.w.loaded() || p.w.apart(p.place, to) {
		return
	}
	victim := p.w.nodes[to]
	p.w.disconnect(p.place, to)
	if !victim.up || victim.conduct != nil && !victim.conduct.peers[p.place].opens.take(p.w.now, 1) {
		return
	}
	victim.step(engine.Connected{Peer: p.key.Public()})
}
