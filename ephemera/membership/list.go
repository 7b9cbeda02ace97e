package membership

import (
	"fmt"
	"slices"
	"strings"
)

// List is the answer of a membership provider: a group and how to reach its members. NewList
// returns only valid lists.
type List struct {
	Group  *Group
	Peers  []Peer // one for each member, in byte order of keys
	Source string // the file, URL or program that the list came from, for logs and errors
	// Warning, if not nil, reports a problem that leaves the list usable: for example, that the source
	// cannot be read at the moment and this is its last answer.
	Warning error
}

// Bounds on the fields of a Peer.
const (
	MaxNameBytes    = 64  // length of Name
	MaxAddresses    = 16  // number of Addresses
	MaxAddressBytes = 256 // length of each address
)

// NewList combines a group with its members: one peer for each member, in any order. No two peers
// share a name. A peer without addresses is not dialled; it has to dial the others. Errors wrap
// ErrInvalid and name the source.
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
		return fmt.Errorf("%w: the list has no group", ErrInvalid)
	}
	if len(l.Peers) != l.Group.N() {
		return fmt.Errorf("%w: %d peers for the %d members of group %d, expected one for each", ErrInvalid, len(l.Peers), l.Group.N(), l.Group.Number())
	}
	names := make(map[string]bool, len(l.Peers))
	for i, peer := range l.Peers {
		if peer.Key != l.Group.Member(i) { // both are in byte order
			return fmt.Errorf("%w: peer %s is listed twice, or is not a member of group %d", ErrInvalid, peer.Key, l.Group.Number())
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

// Check returns an error unless the name and the addresses are within their bounds. It does not
// parse the addresses, which is the transport's task. Errors wrap ErrInvalid.
func (p Peer) Check() error {
	if len(p.Name) > MaxNameBytes || strings.ContainsFunc(p.Name, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\ufffd' }) {
		return fmt.Errorf("%w: name %.70q of member %s, expected at most %d bytes without spaces", ErrInvalid, p.Name, p.Key, MaxNameBytes)
	}
	if len(p.Addresses) > MaxAddresses {
		return fmt.Errorf("%w: member %s has %d addresses, expected at most %d", ErrInvalid, p.Key, len(p.Addresses), MaxAddresses)
	}
	for _, address := range p.Addresses {
		notPrintable := strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' || c > '~' })
		if len(address) > MaxAddressBytes || !strings.HasPrefix(address, "/") || notPrintable {
			return fmt.Errorf("%w: address %.70q of member %s, expected one like /ip4/192.0.2.1/tcp/3000 or /dns4/host/tcp/3000, at most %d bytes of ASCII",
				ErrInvalid, address, p.Key, MaxAddressBytes)
		}
	}
	return nil
}
