package membership

import (
	"fmt"
	"slices"
	"strings"
)

// List is what a membership provider tells: a group, and where its members are reached. NewList
// makes one that cannot be wrong.
type List struct {
	Group  *Group
	Peers  []Peer // one for each member, in the order of keys
	Source string // the file, URL or program that told it, for logs and errors
	// Warning says what is wrong although the list can be used, such as that its source cannot be read
	// now and this is what it told last. Nil: nothing.
	Warning error
}

// Bounds of what is known of a member.
const (
	MaxNameBytes    = 64
	MaxAddresses    = 16
	MaxAddressBytes = 256
)

// NewList puts a group and its members together: one peer for each member, in any order, names that
// nobody shares. Addresses may be missing: such a member is not dialled, it dials. The error wraps
// ErrInvalid and names the source.
func NewList(group *Group, peers []Peer, source string) (List, error) {
	list := List{Group: group, Peers: slices.Clone(peers), Source: source}
	slices.SortFunc(list.Peers, func(a, b Peer) int { return a.Key.Compare(b.Key) })
	if err := list.check(); err != nil {
		return List{}, fmt.Errorf("%s: %w", source, err)
	}
	return list, nil
}

func (l List) check() error {
	if l.Group == nil {
		return fmt.Errorf("%w: there is none", ErrInvalid)
	}
	if len(l.Peers) != l.Group.N() {
		return fmt.Errorf("%w: %d members are listed, group %d has %d", ErrInvalid, len(l.Peers), l.Group.Number(), l.Group.N())
	}
	names := make(map[string]bool, len(l.Peers))
	for i, peer := range l.Peers {
		if peer.Key != l.Group.Member(i) { // both are in the order of keys
			return fmt.Errorf("%w: %s is listed twice, or is no member of group %d", ErrInvalid, peer.Key, l.Group.Number())
		}
		if err := peer.Check(); err != nil {
			return err
		}
		if peer.Name != "" && names[peer.Name] {
			return fmt.Errorf("%w: two members have the name %q", ErrInvalid, peer.Name)
		}
		names[peer.Name] = true
	}
	return nil
}

// Check tells whether name and addresses are within their bounds. Whether an address can be
// dialled, the transport knows.
func (p Peer) Check() error {
	if len(p.Name) > MaxNameBytes || strings.ContainsFunc(p.Name, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\ufffd' }) {
		return fmt.Errorf("%w: name %.70q of member %s, expected at most %d bytes without spaces", ErrInvalid, p.Name, p.Key, MaxNameBytes)
	}
	if len(p.Addresses) > MaxAddresses {
		return fmt.Errorf("%w: member %s has %d addresses, expected at most %d", ErrInvalid, p.Key, len(p.Addresses), MaxAddresses)
	}
	for _, address := range p.Addresses {
		if len(address) > MaxAddressBytes || !strings.HasPrefix(address, "/") {
			return fmt.Errorf("%w: address %.70q of member %s, expected one like /ip4/192.0.2.1/tcp/3000 or /dns4/host/tcp/3000, at most %d bytes",
				ErrInvalid, address, p.Key, MaxAddressBytes)
		}
	}
	return nil
}
