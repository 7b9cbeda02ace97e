// Package settings is the daemon's configuration: what can be set, its defaults, where each value
// comes from, and what is wrong with it.
//
// A value is looked for in this order: command line flag, environment variable, configuration file,
// default. One name leads to all of them: http.listen is [http] listen in the file,
// EPHEMERA_HTTP__LISTEN in the environment and --http.listen on the command line. What nobody knows
// is an error, with its place and the name that was probably meant. What the daemon does with it:
// package daemon.
package settings

import (
	"errors"
	"time"
)

// ErrConfig reports a configuration that cannot be used. Its text says where and what to do.
var ErrConfig = errors.New("configuration")

// Duration is a time.Duration that is written as "1m30s".
type Duration time.Duration

// String writes it as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes it as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	value, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New(`expected a number with its unit, such as "500ms", "10s" or "1h30m"`)
	}
	*d = Duration(value)
	return nil
}

// Settings is everything that can be set. Default gives all of it; Load puts the other sources over
// it.
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
	Name    string   `toml:"name" comment:"A name for people; the key is the identity."`
	Network string   `toml:"network" comment:"Nodes of other networks are strangers. It is part of everything that is signed."`
	Clients []string `toml:"clients" comment:"Public keys of programs that may submit messages, besides the members (ephemera keys new FILE makes one)."`
}

// Membership says who else takes part.
type Membership struct {
	Source   string   `toml:"source" comment:"Where the list of members comes from: file or http."`
	File     string   `toml:"file" comment:"With source = \"file\": the list, relative to this file. Edits take effect while the node runs."`
	URL      string   `toml:"url" comment:"With source = \"http\": address of the list, such as http://127.0.0.1:8080/contract/peer_info."`
	Interval Duration `toml:"interval" comment:"Between two looks at the source."`
	Start    string   `toml:"start" comment:"Members that must be online before the node makes its first block: any, majority or all. Never changes a quorum."`
	HandOver Duration `toml:"hand_over" comment:"That an older group stays open at most after a newer one came."`
	Hold     bool     `toml:"hold" comment:"Keeps older groups open for all of that time, for programs that still submit to them."`
}

// P2P says how members reach each other.
type P2P struct {
	Listen   []string `toml:"listen" comment:"Multiaddrs to listen on for other members; port 0 takes a free one."`
	Announce []string `toml:"announce" comment:"Multiaddrs under which others reach this node, where they differ from those listened on."`
	QUIC     bool     `toml:"quic" comment:"Adds QUIC to TCP, for /udp/…/quic-v1 addresses."`
	Gossip   string   `toml:"gossip" comment:"How messages spread: flood, mesh or off. Blocks need none of it."`
}

// HTTP is the API for programs.
type HTTP struct {
	Listen         string   `toml:"listen" comment:"Address of the HTTP API and WebSocket; empty: none. Port 0 takes a free one."`
	TokenFile      string   `toml:"token_file" comment:"File with the bearer token of callers from elsewhere who may have messages signed by the node; empty: nobody may."`
	Origins        []string `toml:"origins" comment:"Hosts beside this one whose pages may subscribe from a browser, such as *.example.org."`
	RequestsPerSec int      `toml:"requests_per_second" comment:"Requests of one client address a second, more are answered with 429; 0: derived from [limits]."`
	Subscribers    int      `toml:"subscribers" comment:"WebSocket connections at most; 0: derived."`
	Timeout        Duration `toml:"timeout" comment:"Of one request."`
}

// Admin is the API for the operator.
type Admin struct {
	Listen string `toml:"listen" comment:"Address of the operator's API: profiles, signing with the node's key. Keep it on loopback; empty: none."`
}

// Storage says what is kept.
type Storage struct {
	Kind       string   `toml:"kind" comment:"sqlite or pebble. A home keeps the kind that it was made with."`
	KeepFor    Duration `toml:"keep_for" comment:"Bodies of certified blocks older than this are removed; 0s: none by age. Headers and certificates stay for ever."`
	KeepBlocks uint64   `toml:"keep_blocks" comment:"Bodies kept of each chain; 0: no bound by count."`
	Interval   Duration `toml:"interval" comment:"Between two removals."`
}

// Mempool bounds the messages that wait for a block.
type Mempool struct {
	Include     string   `toml:"include" comment:"Which messages an own block takes: own (submitted here) or all (everybody's, once per chain)."`
	Messages    int      `toml:"messages" comment:"Messages at most; 0: derived from [limits], as the three below."`
	Bytes       int      `toml:"bytes" comment:"Their encoded size together at most; 0: derived."`
	PerSender   int      `toml:"per_sender" comment:"Messages of one sender at most; 0: derived."`
	SenderBytes int      `toml:"sender_bytes" comment:"Bytes of one sender at most; 0: derived."`
	TTL         Duration `toml:"ttl" comment:"How long a message waits, by the time that its sender signed."`
	Skew        Duration `toml:"skew" comment:"How far a message may be dated ahead of this node's clock."`
}

// Block says when the node makes a block of its own.
type Block struct {
	Every      Duration `toml:"every" comment:"A block is made when its oldest message has waited so long. Without any of these rules: at once."`
	Messages   int      `toml:"messages" comment:"… or when so many messages wait; 0: not by number."`
	EachMember bool     `toml:"each_member" comment:"… or when there is one of each member; it holds the first of each sender."`
	OneLabel   bool     `toml:"one_label" comment:"A block holds messages of one label only."`
}

// Application says who judges messages and blocks.
type Application struct {
	Remote bool `toml:"remote" comment:"A program registers over the operator's API and answers CheckMessage and CheckBlock; no answer is \"later\"."`
}

// DHT is the Kademlia table among the members.
type DHT struct {
	Enabled bool `toml:"enabled" comment:"Small signed values by name, shared among the members. Blocks need none of it."`
}

// Limits are expectations from which every bound is derived (package limits).
type Limits struct {
	Members           int `toml:"members" comment:"Members of the largest group that is expected while the node runs, up to 100; the list may have more at the start."`
	MessagesPerSecond int `toml:"messages_per_second" comment:"Messages that all senders together submit in a busy second."`
	MessageBytes      int `toml:"message_bytes" comment:"Payload of a usual message."`
	BlocksPerSecond   int `toml:"blocks_per_second" comment:"Own blocks that one member makes in a busy second."`
	MemoryBytes       int `toml:"memory_bytes" comment:"What the node may use of the machine's memory."`
}

// Log says what is logged, always to standard error.
type Log struct {
	Level  string `toml:"level" comment:"debug, info, warn or error; also per part: info,p2p=debug."`
	Format string `toml:"format" comment:"text, json, or auto: text on a terminal."`
}

// Default returns what holds where nothing else is said. Everything binds the loopback interface.
func Default() Settings {
	return Settings{
		Node: Node{Name: "node", Network: "ephemera", Clients: []string{}},
		Membership: Membership{
			Source: "file", File: "peers.toml", Interval: Duration(10 * time.Second), Start: "any", HandOver: Duration(time.Minute),
		},
		P2P:     P2P{Listen: []string{"/ip4/127.0.0.1/tcp/3000"}, Announce: []string{}, Gossip: "flood"},
		HTTP:    HTTP{Listen: "127.0.0.1:3100", Origins: []string{}, Timeout: Duration(30 * time.Second)},
		Admin:   Admin{Listen: "127.0.0.1:3101"},
		Storage: Storage{Kind: "sqlite", Interval: Duration(time.Minute)},
		Mempool: Mempool{Include: "own", TTL: Duration(time.Hour), Skew: Duration(time.Minute)},
		Block:   Block{Every: Duration(100 * time.Millisecond), Messages: 512},
		Limits:  Limits{Members: 16, MessagesPerSecond: 1000, MessageBytes: 4 << 10, BlocksPerSecond: 20, MemoryBytes: 4 << 30},
		Log:     Log{Level: "info", Format: "auto"},
	}
}
