package ephemera

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// OnlineKind says how many members of the newest group must be online, this node among them, before
// a node that started makes its first block. Online is a live authenticated connection. It decides
// about nothing else: n, f and q are the group's, others' blocks are echoed and delivered as ever,
// and an own block that was under way is gone on with. Once there were enough, it is so until the
// node stops, whoever goes offline and whatever group comes: a member that is away must not stop
// the others again.
type OnlineKind uint8

const (
	AnyOnline      OnlineKind = iota // nobody else is waited for
	MajorityOnline                   // more than half
	AllOnline                        // everybody: one member that is away for ever keeps a starting node from making blocks
)

var onlineKinds = []string{"any", "majority", "all"}

// String returns the name that ParseOnlineKind reads.
func (k OnlineKind) String() string {
	if int(k) < len(onlineKinds) {
		return onlineKinds[k]
	}
	return fmt.Sprintf("OnlineKind(%d)", uint8(k))
}

// ParseOnlineKind reads any, majority or all.
func ParseOnlineKind(text string) (OnlineKind, error) {
	if i := slices.Index(onlineKinds, text); i >= 0 {
		return OnlineKind(i), nil
	}
	return 0, fmt.Errorf("%.20q says not how many members must be online, expected any, majority or all", text)
}

// MarshalText writes the name.
func (k OnlineKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads any, majority or all.
func (k *OnlineKind) UnmarshalText(text []byte) (err error) {
	*k, err = ParseOnlineKind(string(text))
	return err
}

// Enough tells whether so many of n members are enough.
func (k OnlineKind) Enough(online, n int) bool {
	switch k {
	case AllOnline:
		return online >= n
	case MajorityOnline:
		return online > n/2
	default:
		return true
	}
}

// mayMakeBlocks tells whether there were enough members online since the node started. Others are
// those that connect just now.
func (n *Node) mayMakeBlocks(others ...keys.Public) bool {
	if n.enough.Load() {
		return true
	}
	group, self := n.Group(), n.config.Key.Public()
	online := map[keys.Public]bool{self: group.Contains(self)}
	for _, key := range append(others, n.Online()...) {
		online[key] = group.Contains(key)
	}
	count := 0
	for _, member := range online {
		if member {
			count++
		}
	}
	if !n.config.MakeBlocks.Enough(count, group.N()) {
		return false
	}
	if n.enough.CompareAndSwap(false, true) && n.config.MakeBlocks != AnyOnline {
		n.log.Info("enough members are online to make blocks", "online", count, "members", group.N(), "kind", n.config.MakeBlocks.String())
	}
	return true
}

// connectedWith tells a member that is back of our newest group, and asks the application for a
// block when it was the one waited for.
func (n *Node) connectedWith(peer keys.Public) {
	n.announce(peer)
	if n.config.MakeBlocks != AnyOnline && !n.enough.Load() && n.mayMakeBlocks(peer) {
		n.Wake()
	}
}
