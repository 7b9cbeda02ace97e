package membership

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
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
	// Dropped, if not nil, names the addresses that NewList left out because nobody can dial them.
	Dropped error
}

// Bounds on the fields of a Peer.
const (
	MaxNameBytes = 64 // length of Name
	MaxAddresses = 16 // number of Addresses
)

// NewList combines a group with its members: one peer for each member, in any order. No two peers
// share a name. A peer without addresses is not dialled; it has to dial the others. Errors wrap
// ErrInvalid and name the source.
//
// An address that nobody can dial is left out and named in Dropped, so that one member's address
// does not cost the others their list. The group's ID does not depend on addresses.
func NewList(group *Group, peers []Peer, source string) (List, error) {
	list := List{Group: group, Peers: slices.Clone(peers), Source: source}
	list.dropUnusable()
	slices.SortFunc(list.Peers, func(a, b Peer) int { return a.Key.Compare(b.Key) })
	if err := list.check(); err != nil {
		return List{}, fmt.Errorf("%s: %w", source, err)
	}
	return list, nil
}

// dropUnusable keeps the usable ones of the first MaxAddresses addresses of each peer.
func (l *List) dropUnusable() {
	var dropped []error
	for i := range l.Peers {
		peer, first := &l.Peers[i], l.Peers[i].Addresses
		var tooMany error
		if len(first) > MaxAddresses {
			tooMany = fmt.Errorf("%d addresses, of which the first %d are used", len(first), MaxAddresses)
			first = first[:MaxAddresses]
		}
		usable, bad := address.Usable(first)
		if err := errors.Join(tooMany, bad); err != nil {
			peer.Addresses = usable
			dropped = append(dropped, fmt.Errorf("member %q %s: %w", peer.Name, peer.Key, err))
		}
	}
	l.Dropped = errors.Join(dropped...)
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

// Check returns an error unless the name is within its bounds. It does not check the addresses:
// NewList and the transport leave out those that nobody can dial. Errors wrap ErrInvalid.
func (p Peer) Check() error {
	if len(p.Name) > MaxNameBytes || strings.ContainsFunc(p.Name, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\ufffd' }) {
		return fmt.Errorf("%w: name %.70q of member %s, expected at most %d bytes without spaces", ErrInvalid, p.Name, p.Key, MaxNameBytes)
	}
	return nil
}
