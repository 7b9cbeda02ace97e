package ephemera

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// OnlineKind says how many members of the newest group, this node included, must be online before a
// started node makes its first block. Online means a live authenticated connection. It affects
// nothing else: n, f and q are the group's, the node echoes and delivers others' blocks, and it
// completes its block that was open before the start. Once enough members were online, the
// condition holds until the node stops, even if members go offline or the group changes: an absent
// member must not stop the others again.
type OnlineKind uint8

const (
	AnyOnline      OnlineKind = iota // no other member
	MajorityOnline                   // more than half
	AllOnline                        // all; a member that stays offline then blocks a started node
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
	return 0, fmt.Errorf("%.20q: expected any, majority or all", text)
}

// MarshalText writes the name.
func (k OnlineKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads any, majority or all.
func (k *OnlineKind) UnmarshalText(text []byte) (err error) {
	*k, err = ParseOnlineKind(string(text))
	return err
}

// Enough reports whether a number of n members suffices.
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

// mayMakeBlocks reports whether enough members have been online since the node started. Others are
// members that are just connecting.
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

// connectedWith announces the newest group to a member that connected, and asks the application for
// a block if enough members are online now.
func (n *Node) connectedWith(peer keys.Public) {
	n.announce(peer)
	if n.config.MakeBlocks != AnyOnline && !n.enough.Load() && n.mayMakeBlocks(peer) {
		n.Wake()
	}
}
