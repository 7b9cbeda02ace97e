// Package memory implements a network within one process, for tests. It can drop frames at random
// from a seed or by a function, delay them, and partition the members. It uses package time, so
// time is virtual inside a testing/synctest bubble.
//
// Two members are connected while the Run methods of both are running and no partition separates
// them. Each link has a bounded queue of its own: a member that does not read loses frames of that
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

// Config describes a network. By default it loses and delays nothing and has no gossip.
type Config struct {
	Members       []keys.Public
	Gossip        bool
	MaxFrameBytes int    // the largest frame; default 8 MiB
	QueueFrames   int    // the queue of each link; default 1024
	Seed          uint64 // of Loss
	// Loss is the probability that a frame is lost, 0 to 1. Whether a frame is lost depends only on
	// Seed, its link, and its position in the sequence of frames on the link.
	Loss float64
	// Drop, if not nil, is called for every frame and reports whether to lose it. It must be safe for
	// concurrent use.
	Drop func(Frame) bool
	// Delay, if not nil, returns how long a frame travels. Frames of one link stay in order. It must
	// be safe for concurrent use.
	Delay func(from, to keys.Public) time.Duration
}

// Frame is the argument of Config.Drop.
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
	sides   map[keys.Public]int // the partition's set that a member is in, from 1; 0 if in none
	drop    func(Frame) bool
	losses  map[[2]keys.Public]*rand.Rand // by sender and receiver
}

// New returns a network. Its members connect when their transports run.
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

// Transport returns a new transport for a member. To restart a member, wait until the Run of its
// last transport has returned and take a new one.
func (n *Network) Transport(member keys.Public) *Transport {
	t := &Transport{network: n, self: member, links: map[keys.Public]*link{}}
	for _, peer := range n.members {
		if peer != member {
			t.links[peer] = newLink(peer, n.config.QueueFrames)
		}
	}
	return t
}

// Partition separates the sets from each other. The members in none of them form one more set.
// Frames in transit between sets are lost. A new partition replaces the previous one.
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

// SetDrop replaces Config.Drop; nil removes it.
func (n *Network) SetDrop(drop func(Frame) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.drop = drop
}

// reconnect connects and disconnects every link according to n.running and n.sides. The caller
// holds n.mu.
func (n *Network) reconnect() {
	for _, t := range n.running {
		for peer, l := range t.links {
			l.set(n.running[peer] != nil && n.sides[peer] == n.sides[t.self])
		}
	}
}

// join connects a transport. It returns false if the key is not a member's, or the member is
// running already.
func (n *Network) join(t *Transport) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, isMember := slices.BinarySearchFunc(n.members, t.self, keys.Public.Compare)
	if !isMember || n.running[t.self] != nil {
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

// peer returns the transport of a member that t is connected to, or nil.
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

// connected returns the transports that t is connected to, in byte order of their members.
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

// drops reports whether the network loses the frame, at random or because of Config.Drop.
func (n *Network) drops(frame Frame) bool {
	n.mu.Lock()
	drop, key := n.drop, [2]keys.Public{frame.From, frame.To}
	byChance := false
	if n.config.Loss > 0 {
		random := n.losses[key]
		if random == nil {
			random = rand.New(rand.NewPCG(n.config.Seed, sequence(key)))
			n.losses[key] = random
		}
		byChance = random.Float64() < n.config.Loss
	}
	n.mu.Unlock()
	return byChance || drop != nil && drop(frame)
}

// deliver queues a frame at its receiver. It returns false if the link is down or its queue is
// full; a lost frame counts as delivered.
func (n *Network) deliver(to *Transport, frame Frame, gossip *gossip) bool {
	if n.drops(frame) {
		return true
	}
	var delay time.Duration
	if n.config.Delay != nil {
		delay = n.config.Delay(frame.From, frame.To)
	}
	return to.links[frame.From].push(item{data: bytes.Clone(frame.Data), due: time.Now().Add(delay), gossip: gossip})
}

// sequence returns the number of a link's own random sequence.
func sequence(key [2]keys.Public) uint64 {
	sum := sha256.Sum256(slices.Concat(key[0][:], key[1][:]))
	return binary.BigEndian.Uint64(sum[:])
}

// isRunning reports whether the transport is running.
func (n *Network) isRunning(t *Transport) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.running[t.self] == t
}
