package p2p

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Mode is the way in which a node's messages spread. Its text forms are "flood", "mesh", "direct" and
// "off". A node in any mode but Off receives messages in all ways, so members may differ in it.
type Mode uint8

const (
	// Flood is the default. A publisher sends its frame to every member, so that the frame crosses
	// each of its links once. Lazy gossip (IHAVE and IWANT) delivers what a missing connection lost.
	Flood Mode = iota
	// Mesh is GossipSub with its default parameters: a frame goes to about six neighbours, which
	// forward it. The first neighbours are the closest members by Kademlia's metric, the XOR distance
	// of the hashes of peer IDs.
	Mesh
	// Direct sends a frame to every connected member on a stream of its own, without GossipSub. The
	// receivers do not forward it: what a missing connection or a full queue lost is fetched (PROTOCOL.md
	// R6). The node takes part in GossipSub as in Mesh, for the messages of members in other modes, and
	// publishes nothing there.
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
	// neighbours is how many members a member in mesh mode connects to first: the size of GossipSub's
	// mesh (its parameter D).
	neighbours = 6
	// headStart is how long the other members wait. GossipSub fills its mesh with the members that are
	// connected at its first and second heartbeat, after 100 ms and 1.1 s, and keeps a full mesh.
	headStart = 1500 * time.Millisecond
)

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

// isNeighbour reports whether a member is one of those that a member in mesh mode connects to
// first.
func (t *Transport) isNeighbour(id peer.ID) bool {
	t.mu.RLock()
	members := make([]peer.ID, 0, len(t.peers))
	for member, r := range t.peers {
		if !r.isGuest() {
			members = append(members, member)
		}
	}
	t.mu.RUnlock()
	return slices.Contains(closest(t.host.ID(), members, neighbours), id)
}
