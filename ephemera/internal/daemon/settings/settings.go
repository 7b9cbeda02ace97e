// Package settings defines the daemon's configuration: the settings with their defaults, how they
// are read, where each value comes from, and which values are invalid. Package daemon applies them.
//
// A setting is taken from the first of these sources that has it: command line flag, environment
// variable, configuration file, default. Its key determines all of its names: http.listen is [http]
// listen in the file, EPHEMERA_HTTP__LISTEN in the environment and --http.listen on the command
// line. An unknown name is an error that says where it is and which name was probably meant.
package settings

import (
	"errors"
	"time"
)

// ErrConfig reports an invalid configuration. Errors that wrap it say which setting is invalid and
// what was expected.
var ErrConfig = errors.New("invalid configuration")

// Duration is a time.Duration whose text is that of time.Duration, such as "1m30s".
type Duration time.Duration

// String returns the duration in the format of time.Duration.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText returns the duration in the format of time.Duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText parses what time.ParseDuration parses.
func (d *Duration) UnmarshalText(text []byte) error {
	value, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New(`expected a number with its unit, such as "500ms", "10s" or "1h30m"`)
	}
	*d = Duration(value)
	return nil
}

// Settings holds all settings. Default returns the defaults; Load overrides them from the other
// sources. The comment tags are printed in the configuration file and in the help of flags.
type Settings struct {
	Node        Node        `toml:"node"`
	Membership  Membership  `toml:"membership"`
	P2P         P2P         `toml:"p2p"`
	HTTP        HTTP        `toml:"http"`
	Admin       Admin       `toml:"admin"`
	Storage     Storage     `toml:"storage"`
	Mempool     Mempool     `toml:"mempool"`
	Block       Block       `toml:"block"`
	Application Application `toml:"application"`
	DHT         DHT         `toml:"dht"`
	Limits      Limits      `toml:"limits"`
	Log         Log         `toml:"log"`
}

// Node says who the node is.
type Node struct {
	Name    string   `toml:"name" comment:"Display name. Others identify the node by its key."`
	Network string   `toml:"network" comment:"Name of the network. It is part of everything that is signed; nodes of different networks ignore each other."`
	Clients []string `toml:"clients" comment:"Public keys of programs that may submit messages, in addition to the members ('ephemera keys new FILE' creates a key)."`
}

// Membership says where the list of members comes from and how groups follow each other.
type Membership struct {
	Source   string   `toml:"source" comment:"Where the list of members comes from: file or http."`
	File     string   `toml:"file" comment:"With source = \"file\": path of the list, relative to this file. Edits take effect while the node runs."`
	URL      string   `toml:"url" comment:"With source = \"http\": URL of the list, such as http://127.0.0.1:8080/contract/peer_info."`
	Interval Duration `toml:"interval" comment:"Time between two reads of the list."`
	Start    string   `toml:"start" comment:"How many members must be online before the node makes its first block: any, majority or all. Does not change the quorum."`
	HandOver Duration `toml:"hand_over" comment:"How long an older group stays open at most after a newer one replaced it."`
	Hold     bool     `toml:"hold" comment:"Keep older groups open for all of hand_over, for programs that still submit to them."`
}

// P2P says how members reach each other.
type P2P struct {
	Listen   []string `toml:"listen" comment:"Multiaddrs to listen on for other members; port 0 picks a free port."`
	Announce []string `toml:"announce" comment:"Multiaddrs at which others reach this node, if they differ from those in listen."`
	QUIC     bool     `toml:"quic" comment:"Use QUIC in addition to TCP, for /udp/…/quic-v1 addresses."`
	Gossip   string   `toml:"gossip" comment:"How messages spread: flood, mesh, direct or off. Blocks do not depend on it."`
}

// HTTP is the API for programs.
type HTTP struct {
	Listen         string   `toml:"listen" comment:"Address of the HTTP and WebSocket API; empty turns it off, port 0 picks a free port."`
	TokenFile      string   `toml:"token_file" comment:"File with a bearer token. Callers on other machines need it to have the node sign messages; empty: they cannot. Only its owner may have access to the file."`
	Origins        []string `toml:"origins" comment:"Other hosts whose web pages may subscribe from a browser, such as *.example.org."`
	Hosts          []string `toml:"hosts" comment:"Names, other than localhost and IP addresses, at which callers address the API. Requests that name another host are refused."`
	RequestsPerSec int      `toml:"requests_per_second" comment:"Rate limit per client address; more requests are answered with 429. Probes do not count. 0: derived from [limits]."`
	Subscribers    int      `toml:"subscribers" comment:"Maximum number of WebSocket connections, of which one client address may have half; 0: derived from [limits]."`
	Timeout        Duration `toml:"timeout" comment:"Timeout of one request."`
	TrustedProxies []string `toml:"trusted_proxies" comment:"Addresses or prefixes of the proxies in front of this API, such as 10.0.0.7 or 10.1.0.0/16. Limits per client then count the addresses in their X-Forwarded-For."`
}

// Admin is the API for the operator.
type Admin struct {
	Listen string `toml:"listen" comment:"Address of the operator's API: profiles, signing with the node's key. Keep it on loopback; empty turns it off."`
}

// Storage says in which kind of store blocks are kept, and for how long.
type Storage struct {
	Kind       string   `toml:"kind" comment:"sqlite or pebble. It cannot be changed after 'ephemera init'."`
	KeepFor    Duration `toml:"keep_for" comment:"Remove the bodies of certified blocks that came here this long ago, not counting the time while the node is stopped; 0s: keep them whatever their age. Headers and certificates are kept forever."`
	KeepBlocks uint64   `toml:"keep_blocks" comment:"Number of bodies to keep of each chain; 0: no limit."`
	Interval   Duration `toml:"interval" comment:"Time between two removals."`
	Low        int      `toml:"low" comment:"Free bytes on the disk below which the blocks of members wait that used most recently; 0: derived from the disk and the group."`
	Critical   int      `toml:"critical" comment:"Free bytes below which all blocks wait, unless they are certified already; 0: a quarter of low."`
}

// Mempool bounds the messages that wait for a block.
type Mempool struct {
	Include     string   `toml:"include" comment:"Which messages the node puts into its blocks: own (submitted to it) or all (of all members, once per chain)."`
	Messages    int      `toml:"messages" comment:"Maximum number of messages. For this and the three below, 0: derived from [limits]."`
	Bytes       int      `toml:"bytes" comment:"Maximum size of all messages, encoded, in bytes."`
	PerSender   int      `toml:"per_sender" comment:"Maximum number of messages of one sender."`
	SenderBytes int      `toml:"sender_bytes" comment:"Maximum size of all messages of one sender, encoded, in bytes."`
	TTL         Duration `toml:"ttl" comment:"How long after its signed time a message expires."`
	Skew        Duration `toml:"skew" comment:"How far the signed time of a message, or of a value in the hash table, may be ahead of this node's clock."`
}

// Block says when the node makes a block of its own.
type Block struct {
	Every      Duration `toml:"every" comment:"Make a block when its oldest message has waited this long; 0s: no such rule. With none of these three rules: at once."`
	Messages   int      `toml:"messages" comment:"… or when this many messages wait, which is also the maximum of a block; 0: no such rule."`
	EachMember bool     `toml:"each_member" comment:"… or when every member sent a message; the block then contains the first message of each sender."`
	OneLabel   bool     `toml:"one_label" comment:"Put messages of different labels into different blocks."`
}

// Application says who judges messages and blocks.
type Application struct {
	Remote bool `toml:"remote" comment:"Let a program that registers over the operator's API judge messages and blocks (CheckMessage, CheckBlock)."`
}

// DHT configures the Kademlia hash table of the members.
type DHT struct {
	Enabled bool `toml:"enabled" comment:"Take part in the members' hash table of small signed values. Blocks do not depend on it."`
}

// Limits are expectations from which every bound is derived (package limits).
type Limits struct {
	Members           int `toml:"members" comment:"Size of the largest group expected while the node runs, up to 100. A larger list at the start counts instead."`
	MessagesPerSecond int `toml:"messages_per_second" comment:"Messages that all senders together submit in a busy second."`
	MessageBytes      int `toml:"message_bytes" comment:"Payload size of a typical message, in bytes."`
	BlocksPerSecond   int `toml:"blocks_per_second" comment:"Blocks that one member makes in a busy second."`
	MemoryBytes       int `toml:"memory_bytes" comment:"Memory that the node may use, in bytes. The garbage collector works harder as the process comes near it, unless GOMEMLIMIT is set."`
}

// Log says what is logged. Logs go to standard error.
type Log struct {
	Level  string `toml:"level" comment:"debug, info, warn or error, optionally followed by levels of single parts: info,p2p=debug."`
	Format string `toml:"format" comment:"text, json, or auto: text on a terminal, else json."`
}

// Default returns the defaults. All addresses are on the loopback interface.
func Default() Settings {
	return Settings{
		Node: Node{Name: "node", Network: "ephemera", Clients: []string{}},
		Membership: Membership{
			Source: "file", File: "peers.toml", Interval: Duration(10 * time.Second), Start: "any", HandOver: Duration(time.Minute),
		},
		P2P:     P2P{Listen: []string{"/ip4/127.0.0.1/tcp/3000"}, Announce: []string{}, Gossip: "flood"},
		HTTP:    HTTP{Listen: "127.0.0.1:3100", Origins: []string{}, Hosts: []string{}, TrustedProxies: []string{}, Timeout: Duration(30 * time.Second)},
		Admin:   Admin{Listen: "127.0.0.1:3101"},
		Storage: Storage{Kind: "sqlite", Interval: Duration(time.Minute)},
		Mempool: Mempool{Include: "own", TTL: Duration(time.Hour), Skew: Duration(time.Minute)},
		Block:   Block{Every: Duration(100 * time.Millisecond), Messages: 512},
		Limits:  Limits{Members: 16, MessagesPerSecond: 1000, MessageBytes: 4 << 10, BlocksPerSecond: 20, MemoryBytes: 4 << 30},
		Log:     Log{Level: "info", Format: "auto"},
	}
}
