// Package memory connects transports of one process, for tests: frames may be lost by chance from a
// seed or by a script, delayed, and cut off by partitions. Time is package time's, so that inside a
// testing/synctest bubble it is virtual.
//
// Connections come and go with the transports' Run and with partitions. Like every transport it is
// bounded: each link has a queue of its own, and a member that does not read loses frames of that
// link only.
//
// The package is unstable: it exists for the tests of this repository.
package memory

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Config describes a network. Its zero value, but for Members, is one that loses and delays nothing
// and has no gossip.
type Config struct {
	Members       []keys.Public
	Gossip        bool
	MaxFrameBytes int // 0: 8 MiB
	QueueFrames   int // of one link, 0: 1024
	Seed          uint64
	// Loss is the share of frames that are lost, 0..1. Which ones depends on Seed, on the link and on
	// the place in it alone.
	Loss float64
	// Drop, when there, is asked about every frame; true loses it. It is called concurrently.
	Drop func(Frame) bool
	// Delay, when there, is how long a frame is under way. Frames of one link stay in order. It is
	// called concurrently.
	Delay func(from, to keys.Public) time.Duration
}

// Frame is what Drop decides on.
type Frame struct {
	From, To keys.Public
	Gossip   bool
	Data     []byte // must not be changed
}

const (
	defaultFrameBytes  = 8 << 20
	defaultQueueFrames = 1024
)

// Network connects the transports of its members. Its methods are safe for concurrent use.
type Network struct {
	config  Config
	members []keys.Public // in byte order

	mu      sync.Mutex
	running map[keys.Public]*Transport
	sides   map[keys.Public]int // members of different sides are cut off from each other
	drop    func(Frame) bool
	losses  map[[2]keys.Public]*rand.Rand // by from and to
}

// New makes a network with nobody running.
func New(config Config) *Network {
	config.MaxFrameBytes = cmp.Or(config.MaxFrameBytes, defaultFrameBytes)
	config.QueueFrames = cmp.Or(config.QueueFrames, defaultQueueFrames)
	members := slices.Clone(config.Members)
	slices.SortFunc(members, keys.Public.Compare)
	return &Network{
		config: config, members: members, drop: config.Drop,
		running: map[keys.Public]*Transport{}, sides: map[keys.Public]int{}, losses: map[[2]keys.Public]*rand.Rand{},
	}
}

// Transport returns a transport for a member. A member that starts again gets a new one, after the
// Run of its last one has returned.
func (n *Network) Transport(member keys.Public) *Transport {
	t := &Transport{network: n, self: member, links: map[keys.Public]*link{}}
	for _, peer := range n.members {
		if peer != member {
			t.links[peer] = newLink(peer, n.config.QueueFrames)
		}
	}
	return t
}

// Partition cuts the sets off from each other and from the members in none of them, who stay
// together. Frames under way are lost.
func (n *Network) Partition(sets ...[]keys.Public) {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.sides)
	for i, set := range sets {
		for _, member := range set {
			n.sides[member] = i + 1
		}
	}
	n.reconnect()
}

// Heal ends the partition.
func (n *Network) Heal() { n.Partition() }

// SetDrop replaces Config.Drop; nil loses nothing more.
func (n *Network) SetDrop(drop func(Frame) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.drop = drop
}

// reconnect brings every link to what runs and what is cut off. The caller holds n.mu.
func (n *Network) reconnect() {
	for _, t := range n.running {
		for peer, l := range t.links {
			l.set(n.running[peer] != nil && n.sides[peer] == n.sides[t.self])
		}
	}
}

// join makes a transport part of the network. False when the member runs already or is none.
func (n *Network) join(t *Transport) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, member := slices.BinarySearchFunc(n.members, t.self, keys.Public.Compare)
	if !member || n.running[t.self] != nil {
		return false
	}
	n.running[t.self] = t
	n.reconnect()
	return true
}

func (n *Network) leave(t *Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.running, t.self)
	for _, l := range t.links {
		l.set(false)
	}
	n.reconnect()
}

// peer returns the running transport of a member that t is connected with, else nil.
func (n *Network) peer(t *Transport, member keys.Public) *Transport {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.peerLocked(t, member)
}

func (n *Network) peerLocked(t *Transport, member keys.Public) *Transport {
	if n.running[t.self] != t || member == t.self || n.sides[member] != n.sides[t.self] {
		return nil
	}
	return n.running[member]
}

// connected returns the running transports that a member is connected with, in byte order.
func (n *Network) connected(t *Transport) []*Transport {
	n.mu.Lock()
	defer n.mu.Unlock()
	var peers []*Transport
	for _, member := range n.members {
		if peer := n.peerLocked(t, member); peer != nil {
			peers = append(peers, peer)
		}
	}
	return peers
}

// lost tells whether chance or script takes the frame.
func (n *Network) lost(frame Frame) bool {
	n.mu.Lock()
	drop, key := n.drop, [2]keys.Public{frame.From, frame.To}
	chance := false
	if n.config.Loss > 0 {
		random := n.losses[key]
		if random == nil {
			random = rand.New(rand.NewPCG(n.config.Seed, stream(key)))
			n.losses[key] = random
		}
		chance = random.Float64() < n.config.Loss
	}
	n.mu.Unlock()
	return chance || drop != nil && drop(frame)
}

// deliver puts a frame on its way. False when the receiver's link is full.
func (n *Network) deliver(to *Transport, frame Frame, rumour *rumour) bool {
	if n.lost(frame) {
		return true
	}
	var delay time.Duration
	if n.config.Delay != nil {
		delay = n.config.Delay(frame.From, frame.To)
	}
	return to.links[frame.From].push(item{data: bytes.Clone(frame.Data), due: time.Now().Add(delay), rumour: rumour})
}

// stream numbers a link's own sequence of chances.
func stream(key [2]keys.Public) uint64 {
	sum := sha256.Sum256(slices.Concat(key[0][:], key[1][:]))
	return binary.BigEndian.Uint64(sum[:])
}

// has tells whether the transport is running.
func (n *Network) has(t *Transport) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.running[t.self] == t
}
