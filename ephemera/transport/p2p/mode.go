package p2p

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Mode says how messages spread by gossip.
type Mode uint8

const (
	// Flood is the default: a publisher sends its frame to every member itself, and the lazy exchange
	// of IHAVE and IWANT repairs what a missing connection lost. A frame crosses each publisher's link
	// to each member once.
	Flood Mode = iota
	// Mesh is GossipSub with its own parameters: a frame goes to about six neighbours and from them
	// on. The first neighbours are Kademlia's closest members, by the XOR distance of the hashes of
	// peer IDs.
	Mesh
	// Off is no gossip: messages travel by the exchange of frontiers alone (PROTOCOL.md R6).
	Off
)

var modeNames = map[Mode]string{Flood: "flood", Mesh: "mesh", Off: "off"}

// String returns "flood", "mesh" or "off".
func (m Mode) String() string {
	if name, ok := modeNames[m]; ok {
		return name
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// MarshalText returns what String returns.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads "flood", "mesh" or "off"; nothing at all is the default.
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
	return fmt.Errorf("gossip mode %.20q is not known, set flood, mesh or off", text)
}

const (
	// neighbours are those whom a member in mesh mode meets first: as many as GossipSub's mesh wants
	// (its parameter D).
	neighbours = 6
	// headStart is how long they are alone: GossipSub fills its mesh from those connected at its first
	// and second heartbeat, after 100 ms and 1.1 s, and leaves a full mesh alone.
	headStart = 1500 * time.Millisecond
)

// distance is Kademlia's, as kad-dht has it: XOR of the SHA-256 of the peer IDs, compared as
// big-endian numbers.
func distance(a, b peer.ID) [sha256.Size]byte {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	for i := range x {
		x[i] ^= y[i]
	}
	return x
}

// closest returns the k members that are closest to target, the closest first.
func closest(target peer.ID, members []peer.ID, k int) []peer.ID {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, func(a, b peer.ID) int {
		da, db := distance(target, a), distance(target, b)
		return bytes.Compare(da[:], db[:])
	})
	return sorted[:min(k, len(sorted))]
}

// isNeighbour tells whether a member is one of those that mesh mode meets first.
func (t *Transport) isNeighbour(id peer.ID) bool {
	t.mu.RLock()
	members := make([]peer.ID, 0, len(t.peers))
	for member := range t.peers {
		members = append(members, member)
	}
	t.mu.RUnlock()
	return slices.Contains(closest(t.host.ID(), members, neighbours), id)
}
