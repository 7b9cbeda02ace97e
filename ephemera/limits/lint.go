package limits

import (
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// Warning is one thing that is not fit for production.
type Warning struct {
	What string // which setting, and its value
	Why  string // what will happen
	Set  string // what to set in its place
}

// String is one line for people.
func (w Warning) String() string { return w.What + ": " + w.Why + "; " + w.Set }

// bound is one number of Limits under the name that people see.
type bound struct {
	name  string
	value int64
	unit  string
	hurts string // what becomes of honest members where it is too small
}

// bounds lists every number of which a smaller one hurts honest members.
func (l Limits) bounds() []bound {
	t, m := l.Transport, l.Mempool
	const (
		refused   = "honest members are refused"
		throttled = "honest members are throttled and in the end cut"
		lost      = "frames to honest members are lost and resent"
		full      = "messages are refused in busy seconds"
	)
	return []bound{
		{"Transport.Peers", int64(t.Peers), "members", refused + " during a hand-over"},
		{"Transport.FrameBytes", int64(t.FrameBytes), "bytes", "the largest blocks cannot travel"},
		{"Transport.QueueFrames", int64(t.QueueFrames), "frames", lost},
		{"Transport.QueueBytes", int64(t.QueueBytes), "bytes", lost},
		{"Transport.GossipFrames", int64(t.GossipFrames), "frames", lost},
		{"Transport.FramesPerSecond", int64(t.FramesPerSecond), "frames/s", throttled},
		{"Transport.FramesBurst", int64(t.FramesBurst), "frames", throttled},
		{"Transport.BytesPerSecond", int64(t.BytesPerSecond), "bytes/s", throttled},
		{"Transport.BytesBurst", int64(t.BytesBurst), "bytes", throttled},
		{"Transport.GossipFramesPerSecond", int64(t.GossipFramesPerSecond), "frames/s", throttled},
		{"Transport.GossipFramesBurst", int64(t.GossipFramesBurst), "frames", throttled},
		{"Transport.GossipBytesPerSecond", int64(t.GossipBytesPerSecond), "bytes/s", throttled},
		{"Transport.GossipBytesBurst", int64(t.GossipBytesBurst), "bytes", throttled},
		{"Transport.ConnectionsPerPeer", int64(t.ConnectionsPerPeer), "connections", refused},
		{"Transport.StreamsPerPeer", int64(t.StreamsPerPeer), "streams", refused},
		{"Transport.StreamsPerSecond", int64(t.StreamsPerSecond), "streams/s", throttled},
		{"Transport.Handshakes", int64(t.Handshakes), "connections", refused + " when all come back at once"},
		{"Transport.AddressPerSecond", int64(t.AddressPerSecond), "connections/s", refused + " where they share an address"},
		{"Transport.AddressBurst", int64(t.AddressBurst), "connections", refused + " where they share an address"},
		{"Transport.PeerMemoryBytes", t.PeerMemoryBytes, "bytes", refused},
		{"Transport.MemoryBytes", t.MemoryBytes, "bytes", refused},
		{"Transport.Conduct.Patience", int64(t.Conduct.Patience), "", "honest members are cut for accidents"},
		{"Transport.Conduct.Forgiven", int64(t.Conduct.Forgiven), "per second", "honest members are cut for accidents"},
		{"Mempool.Messages", int64(m.Messages), "messages", full},
		{"Mempool.Bytes", int64(m.Bytes), "bytes", full},
		{"Mempool.PerSender", int64(m.PerSender), "messages", full},
		{"Mempool.SenderBytes", int64(m.SenderBytes), "bytes", full},
		{"Mempool.Known", int64(m.Known), "messages", "messages that were included are taken and sent again"},
		{"Mempool.TTL", int64(m.TTL), "ns", "messages expire before their block is certified"},
		{"Mempool.Skew", int64(m.Skew), "ns", "messages of members whose clocks differ a little are refused"},
		{"HTTP.BodyBytes", int64(l.HTTP.BodyBytes), "bytes", "the largest messages cannot be submitted"},
		{"HTTP.HeaderBytes", int64(l.HTTP.HeaderBytes), "bytes", "browsers and proxies are refused"},
		{"HTTP.Connections", int64(l.HTTP.Connections), "connections", "clients are refused"},
		{"HTTP.RequestsPerSecond", int64(l.HTTP.RequestsPerSecond), "requests/s", "one client cannot submit what is expected"},
		{"WebSocket.Subscribers", int64(l.WebSocket.Subscribers), "connections", "subscribers are refused"},
		{"WebSocket.MessageBytes", int64(l.WebSocket.MessageBytes), "bytes", "a program's answers are refused"},
		{"WebSocket.QueueBlocks", int64(l.WebSocket.QueueBlocks), "blocks", "subscribers lag in busy seconds and are cut"},
		{"WebSocket.QueueBytes", int64(l.WebSocket.QueueBytes), "bytes", "subscribers lag in busy seconds and are cut"},
		{"DHT.ValueBytes", int64(l.DHT.ValueBytes), "bytes", "values are refused"},
		{"DHT.RecordsPerMember", int64(l.DHT.RecordsPerMember), "records", "values are forgotten"},
	}
}

// What is too much, whatever the configuration.
const (
	longestCut    = time.Hour
	verifications = 10_000 // Ed25519 verifications a second that one core does, with room for everything else
	largestFrame  = 64 << 20
	longestTTL    = 7 * 24 * time.Hour
)

// Lint says what of these bounds, for what is expected of the node, is not fit for production.
// None: nothing was found.
func Lint(c Config, l Limits) []Warning {
	need, err := Need(c)
	if err != nil {
		return []Warning{{What: "configuration", Why: err.Error(), Set: "set a value within the range"}}
	}
	c = c.withDefaults()
	warnings := c.lintGroup()
	derived, err := For(c)
	if err != nil {
		return []Warning{{What: "configuration", Why: err.Error(), Set: "set a value within the range"}}
	}
	good := derived.bounds()
	for i, b := range l.bounds() {
		if least := need.bounds()[i].value; b.value < least {
			warnings = append(warnings, Warning{
				What: fmt.Sprintf("%s = %d", b.name, b.value), Why: fmt.Sprintf("%s need up to %d %s, so %s", "honest members", least, b.unit, b.hurts),
				Set: fmt.Sprintf("set %d", good[i].value),
			})
		}
	}
	return append(warnings, c.lintTooMuch(l, derived)...)
}

// lintGroup is about the group that members agreed on.
func (c Config) lintGroup() []Warning {
	var warnings []Warning
	add := func(what, why, set string) { warnings = append(warnings, Warning{what, why, set}) }
	if f := quorum.Faulty(c.Members); c.Members != 3*f+1 {
		add(fmt.Sprintf("Members = %d", c.Members), fmt.Sprintf("no more may be dishonest or away than with %d: %d", 3*f+1, f),
			fmt.Sprintf("take %d or %d members", 3*f+1, 3*f+4))
	} else if f == 0 {
		add("Members = 1", "no member may be dishonest or away", "take 4 members, which tolerate one")
	}
	if int(c.Group.BlockMessages) < c.Members {
		add(fmt.Sprintf("Group.BlockMessages = %d", c.Group.BlockMessages), "one message of each member does not fit into a block",
			fmt.Sprintf("agree on at least %d", c.Members))
	}
	if all := int64(c.Members) * int64(c.message()); int64(c.Group.BlockBytes) < all {
		add(fmt.Sprintf("Group.BlockBytes = %d", c.Group.BlockBytes), "one usual message of each member does not fit into a block",
			fmt.Sprintf("agree on at least %d", all))
	}
	if perBlock, blocks := int(c.Group.BlockMessages), c.Members*c.BlocksPerSecond; perBlock*blocks < c.MessagesPerSecond {
		add(fmt.Sprintf("MessagesPerSecond = %d", c.MessagesPerSecond), fmt.Sprintf("all blocks of a second hold %d messages at most", perBlock*blocks),
			"raise BlocksPerSecond, or agree on larger blocks")
	}
	if work := c.MessagesPerSecond + c.Members*c.BlocksPerSecond*quorum.Size(c.Members); work > 16*verifications {
		add(fmt.Sprintf("MessagesPerSecond = %d, BlocksPerSecond = %d, Members = %d", c.MessagesPerSecond, c.BlocksPerSecond, c.Members),
			fmt.Sprintf("verifying signatures alone takes %d cores", work/verifications), "expect less, or make fewer and larger blocks")
	}
	return warnings
}

// lintTooMuch is about bounds that bound nothing.
func (c Config) lintTooMuch(l, derived Limits) []Warning {
	var warnings []Warning
	add := func(what, why, set string) { warnings = append(warnings, Warning{what, why, set}) }
	if memory := l.Memory(c); memory > c.MemoryBytes {
		add(fmt.Sprintf("MemoryBytes = %d", c.MemoryBytes), fmt.Sprintf("f members of each group at their worst can make the node hold %d bytes", memory),
			"give the node more memory, or agree on smaller blocks and set smaller queues")
	}
	if l.Transport.FrameBytes > max(largestFrame, 4*derived.Transport.FrameBytes) {
		add(fmt.Sprintf("Transport.FrameBytes = %d", l.Transport.FrameBytes), "one frame may fill the memory", fmt.Sprintf("set %d", derived.Transport.FrameBytes))
	}
	cut := l.Transport.Conduct
	if cut.First <= 0 || cut.Longest < cut.First {
		add(fmt.Sprintf("Transport.Conduct.First = %s, Longest = %s", cut.First, cut.Longest), "a member that floods is not cut at all",
			fmt.Sprintf("set %s and %s", derived.Transport.Conduct.First, derived.Transport.Conduct.Longest))
	}
	if cut.Longest > longestCut {
		add(fmt.Sprintf("Transport.Conduct.Longest = %s", cut.Longest), "a member that was repaired stays cut and counts among the f",
			fmt.Sprintf("set %s", derived.Transport.Conduct.Longest))
	}
	if cut.Forgiven >= cut.Patience && cut.Patience > 0 {
		add(fmt.Sprintf("Transport.Conduct.Forgiven = %d", cut.Forgiven), "everything is forgiven within a second",
			fmt.Sprintf("set %d", derived.Transport.Conduct.Forgiven))
	}
	if l.Mempool.TTL > longestTTL {
		add(fmt.Sprintf("Mempool.TTL = %s", l.Mempool.TTL), "messages that nobody wants fill the mempool for days", fmt.Sprintf("set %s", derived.Mempool.TTL))
	}
	return warnings
}
