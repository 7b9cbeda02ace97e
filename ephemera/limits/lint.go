package limits

import (
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// Warning reports a setting that is unfit for production.
type Warning struct {
	What string // the setting and its value
	Why  string // what can happen
	Set  string // what to set instead
}

// String returns the warning as one line.
func (w Warning) String() string { return w.What + ": " + w.Why + "; " + w.Set }

// bound is one number of Limits.
type bound struct {
	name  string // path of the field
	value int64
	unit  string
	hurts string // what happens to honest members if the bound is too small
}

// bounds lists the numbers that hurt honest members if they are too small.
func (l Limits) bounds() []bound {
	t, w, m := l.Transport, l.Work, l.Mempool
	const (
		refused   = "honest members are refused"
		throttled = "honest members are throttled and finally cut off"
		lost      = "frames to honest members are lost and resent"
		slow      = "members wait for messages and blocks in busy seconds"
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
		{"Transport.Connections", int64(t.Connections), "connections", refused},
		{"Transport.ConnectionsPerPeer", int64(t.ConnectionsPerPeer), "connections", refused},
		{"Transport.StreamsPerPeer", int64(t.StreamsPerPeer), "streams", refused},
		{"Transport.StreamsPerSecond", int64(t.StreamsPerSecond), "streams/s", throttled},
		{"Transport.Handshakes", int64(t.Handshakes), "connections", refused + " when all reconnect at once"},
		{"Transport.AddressPerSecond", int64(t.AddressPerSecond), "connections/s", refused + " if they share an address"},
		{"Transport.AddressBurst", int64(t.AddressBurst), "connections", refused + " if they share an address"},
		{"Transport.PeerMemoryBytes", t.PeerMemoryBytes, "bytes", refused},
		{"Transport.MemoryBytes", t.MemoryBytes, "bytes", refused},
		{"Transport.Conduct.Patience", int64(t.Conduct.Patience), "units of weight", "honest members are cut off for accidents"},
		{"Transport.Conduct.Forgiven", int64(t.Conduct.Forgiven), "units of weight/s", "honest members are cut off for accidents"},
		{"Chain.BytesPerSecond", int64(l.Chain.BytesPerSecond), "bytes/s", "blocks of honest members wait"},
		{"Chain.BytesBurst", int64(l.Chain.BytesBurst), "bytes", "blocks of honest members wait in busy seconds"},
		{"Work.ChecksPerSecond", int64(w.ChecksPerSecond), "checks/s", throttled},
		{"Work.ChecksBurst", int64(w.ChecksBurst), "checks", throttled},
		{"Work.BytesPerSecond", int64(w.BytesPerSecond), "bytes/s", throttled},
		{"Work.BytesBurst", int64(w.BytesBurst), "bytes", throttled},
		{"Work.ServedPerSecond", int64(w.ServedPerSecond), "bytes/s", slow},
		{"Work.ServedBurst", int64(w.ServedBurst), "bytes", slow},
		{"Work.SenderChecksPerSecond", int64(w.SenderChecksPerSecond), "checks/s", slow},
		{"Work.SenderChecksBurst", int64(w.SenderChecksBurst), "checks", slow},
		{"Work.Wait", w.Wait, "ms", lost},
		{"Mempool.Messages", int64(m.Messages), "messages", full},
		{"Mempool.Bytes", int64(m.Bytes), "bytes", full},
		{"Mempool.PerSender", int64(m.PerSender), "messages", full},
		{"Mempool.SenderBytes", int64(m.SenderBytes), "bytes", full},
		{"Mempool.Known", int64(m.Known), "messages", "included messages are accepted and sent again"},
		{"Mempool.TTL", int64(m.TTL), "ns", "messages expire before their block is certified"},
		{"Mempool.Skew", int64(m.Skew), "ns", "messages of members whose clocks differ slightly are refused"},
		{"HTTP.BodyBytes", int64(l.HTTP.BodyBytes), "bytes", "the largest messages cannot be submitted"},
		{"HTTP.HeaderBytes", int64(l.HTTP.HeaderBytes), "bytes", "browsers and proxies are refused"},
		{"HTTP.Connections", int64(l.HTTP.Connections), "connections", "clients are refused"},
		{"HTTP.AdminConnections", int64(l.HTTP.AdminConnections), "connections", "operators are refused"},
		{"HTTP.RequestsPerSecond", int64(l.HTTP.RequestsPerSecond), "requests/s", "one client cannot submit the expected messages"},
		{"HTTP.MemoryBytes", l.HTTP.MemoryBytes, "bytes", "the largest blocks and messages are refused"},
		{"WebSocket.Subscribers", int64(l.WebSocket.Subscribers), "connections", "subscribers are refused"},
		{"WebSocket.MessageBytes", int64(l.WebSocket.MessageBytes), "bytes", "a program's answers are refused"},
		{"DHT.ValueBytes", int64(l.DHT.ValueBytes), "bytes", "values are refused"},
		{"DHT.RecordsPerMember", int64(l.DHT.RecordsPerMember), "records", "values are forgotten"},
	}
}

// Upper bounds that do not depend on the configuration.
const (
	longestCut = time.Hour
	// verifications is how many Ed25519 signatures a core verifies in a second while it has time left
	// for everything else.
	verifications = 10_000
	largestFrame  = 64 << 20 // bytes
	longestTTL    = 7 * 24 * time.Hour
)

// Lint returns what is unfit for production about a configuration, or about bounds for it.
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
				What: fmt.Sprintf("%s = %d", b.name, b.value), Why: fmt.Sprintf("honest members need up to %d %s, so %s", least, b.unit, b.hurts),
				Set: fmt.Sprintf("set %d", good[i].value),
			})
		}
	}
	return append(warnings, c.lintTooMuch(l, derived)...)
}

// lintGroup checks the configuration: whether the group fits the expected load.
func (c Config) lintGroup() []Warning {
	var warnings []Warning
	add := func(what, why, set string) { warnings = append(warnings, Warning{what, why, set}) }
	if f := quorum.Faulty(c.Members); c.Members != 3*f+1 {
		add(fmt.Sprintf("Members = %d", c.Members), fmt.Sprintf("the group tolerates %d faulty members, no more than a group of %d", f, 3*f+1),
			fmt.Sprintf("use %d or %d members", 3*f+1, 3*f+4))
	} else if f == 0 {
		add("Members = 1", "the group tolerates no faulty member", "use 4 members, which tolerate one")
	}
	if int(c.Group.BlockMessages) < c.Members {
		add(fmt.Sprintf("Group.BlockMessages = %d", c.Group.BlockMessages), "one message of each member does not fit into a block",
			fmt.Sprintf("agree on at least %d", c.Members))
	}
	if all := int64(c.Members) * int64(c.message()); int64(c.Group.BlockBytes) < all {
		add(fmt.Sprintf("Group.BlockBytes = %d", c.Group.BlockBytes), "one typical message of each member does not fit into a block",
			fmt.Sprintf("agree on at least %d", all))
	}
	if perBlock, blocks := int(c.Group.BlockMessages), c.Members*c.BlocksPerSecond; perBlock*blocks < c.MessagesPerSecond {
		add(fmt.Sprintf("MessagesPerSecond = %d", c.MessagesPerSecond), fmt.Sprintf("all blocks of a second contain at most %d messages", perBlock*blocks),
			"raise BlocksPerSecond, or agree on larger blocks")
	}
	if work := c.MessagesPerSecond + c.Members*c.BlocksPerSecond*quorum.Size(c.Members); work > 16*verifications {
		add(fmt.Sprintf("MessagesPerSecond = %d, BlocksPerSecond = %d, Members = %d", c.MessagesPerSecond, c.BlocksPerSecond, c.Members),
			fmt.Sprintf("verifying signatures takes %d cores", work/verifications), "lower MessagesPerSecond, or make fewer and larger blocks")
	}
	return warnings
}

// lintTooMuch checks for bounds that are too large to be useful.
func (c Config) lintTooMuch(l, derived Limits) []Warning {
	var warnings []Warning
	add := func(what, why, set string) { warnings = append(warnings, Warning{what, why, set}) }
	if memory := l.Memory(c); memory > c.MemoryBytes {
		add(fmt.Sprintf("MemoryBytes = %d", c.MemoryBytes), fmt.Sprintf("f faulty members of each group can make the node use %d bytes", memory),
			"give the node more memory, or agree on smaller blocks and set smaller queues")
	}
	if l.Transport.FrameBytes > max(largestFrame, 4*derived.Transport.FrameBytes) {
		add(fmt.Sprintf("Transport.FrameBytes = %d", l.Transport.FrameBytes), "one frame may exhaust the memory", fmt.Sprintf("set %d", derived.Transport.FrameBytes))
	}
	cut := l.Transport.Conduct
	if cut.First <= 0 || cut.Longest < cut.First {
		add(fmt.Sprintf("Transport.Conduct.First = %s, Longest = %s", cut.First, cut.Longest), "a member that floods is never cut off",
			fmt.Sprintf("set %s and %s", derived.Transport.Conduct.First, derived.Transport.Conduct.Longest))
	}
	if cut.Longest > longestCut {
		add(fmt.Sprintf("Transport.Conduct.Longest = %s", cut.Longest), "a member that was repaired stays cut off for longer and counts as faulty",
			fmt.Sprintf("set %s", derived.Transport.Conduct.Longest))
	}
	if cut.Forgiven >= cut.Patience && cut.Patience > 0 {
		add(fmt.Sprintf("Transport.Conduct.Forgiven = %d", cut.Forgiven), "all offences are forgiven within a second",
			fmt.Sprintf("set %d", derived.Transport.Conduct.Forgiven))
	}
	if l.Mempool.TTL > longestTTL {
		add(fmt.Sprintf("Mempool.TTL = %s", l.Mempool.TTL), "messages that no block takes fill the mempool for days", fmt.Sprintf("set %s", derived.Mempool.TTL))
	}
	return warnings
}
