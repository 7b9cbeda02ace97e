package p2p

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

// Mode is the way in which a node's messages spread. Its text forms are "flood", "mesh", "direct"
// and "off". A node in any mode but Off receives messages in all ways, so members may differ in it.
type Mode uint8

const (
	// Flood is the default. A publisher sends its frame to every member, so that the frame crosses
	// each of its links once. Lazy gossip (IHAVE and IWANT) delivers what a missing connection lost.
	Flood Mode = iota
	// Mesh is GossipSub with its default parameters: a frame goes to about six neighbours, which
	// forward it. The first neighbours are the closest members by Kademlia's metric, the XOR distance
	// of the hashes of peer IDs: those that the hash table finds (SetNeighbours), or of the list.
	Mesh
	// Direct sends a frame to every connected member on a stream of its own, without GossipSub. The
	// receivers do not forward it: what a missing connection or a full queue lost is fetched
	// (PROTOCOL.md R6). The node takes part in GossipSub as in Mesh, for the messages of members in
	// other modes, and publishes nothing there.
	Direct
	// Off disables gossip. Messages spread by the exchange of frontiers alone (PROTOCOL.md R6).
	Off
)

var modeNames = map[Mode]string{Flood: "flood", Mesh: "mesh", Direct: "direct", Off: "off"}

// String returns the text form.
func (m Mode) String() string {
	if name, ok := modeNames[m]; ok {
		return name
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// MarshalText returns the text form.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText parses the text form. Empty text stands for Flood.
func (m *Mode) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = Flood
		return nil
	}
	for mode, name := range modeNames {
		if name == string(text) {
			*m = mode
			return nil
		}
	}
	return fmt.Errorf("unknown gossip mode %.20q, expected flood, mesh, direct or off", text)
}

const (
	// neighbours is how many of the closest members a member in mesh mode takes into its mesh first:
	// half of the mesh's size (GossipSub's parameter D). The rest are any members, because the closest
	// ones alone form groups that only lazy gossip connects, after about a second.
	neighbours = 3
	// headStart is how long the other members wait. GossipSub fills its mesh with the members that it
	// may take at each heartbeat, the first after 100 ms and one a second later.
	headStart = 1500 * time.Millisecond
	// askAgain is the time between two questions to the hash table, which knows nobody until the first
	// member is connected.
	askAgain = 100 * time.Millisecond
)

// neighboursFirst returns the filter of those with whom GossipSub forms a mesh and exchanges
// announcements.
func (t *Transport) neighboursFirst() pubsub.PeerFilter {
	begin := time.Now()
	return func(id peer.ID, _ string) bool {
		return t.config.Gossip != Mesh || time.Since(begin) >= headStart || t.isNeighbour(id)
	}
}

// seekNeighbours asks the hash table for the closest members that answer, until it knows enough of
// them. Some of the closest in the list may be offline.
func (t *Transport) seekNeighbours(ctx context.Context, find Neighbours) {
	ctx, cancel := context.WithTimeout(ctx, headStart)
	defer cancel()
	for {
		if found, err := find(ctx, neighbours); err == nil && len(found) == neighbours {
			var ids []peer.ID
			for _, key := range found {
				ids = append(ids, peerID(key))
			}
			t.found.Store(&ids)
			return
		}
		if !wait.For(ctx, askAgain) {
			return
		}
	}
}

// isNeighbour reports whether a member is one of the closest to this node: of those that the hash
// table found, otherwise of those in the list. It does so, too, if this node is one of the closest
// to that member in the list, which then wants it in its mesh.
func (t *Transport) isNeighbour(id peer.ID) bool {
	self, members := t.host.ID(), t.memberIDs()
	own := t.found.Load()
	if own == nil {
		nearest := closest(self, members, neighbours)
		own = &nearest
	}
	if slices.Contains(*own, id) {
		return true
	}
	others := slices.DeleteFunc(append(members, self), func(member peer.ID) bool { return member == id })
	return slices.Contains(closest(id, others, neighbours), self)
}

// memberIDs returns the members in the list.
func (t *Transport) memberIDs() []peer.ID {
	t.mu.RLock()
	defer t.mu.RUnlock()
	members := make([]peer.ID, 0, len(t.peers)+1)
	for id, r := range t.peers {
		if !r.isGuest() {
			members = append(members, id)
		}
	}
	return members
}

// distance is Kademlia's metric as in kad-dht: the XOR of the SHA-256 hashes of the peer IDs,
// compared as big-endian numbers.
func distance(a, b peer.ID) [sha256.Size]byte {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	for i := range x {
		x[i] ^= y[i]
	}
	return x
}

// closest returns the k members closest to target, or all if there are fewer, the closest first.
func closest(target peer.ID, members []peer.ID, k int) []peer.ID {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, func(a, b peer.ID) int {
		da, db := distance(target, a), distance(target, b)
		return bytes.Compare(da[:], db[:])
	})
	return sorted[:min(k, len(sorted))]
}
