// Package provider tells a node who its group is, from outside: a fixed list, a file that people
// edit, an HTTP address such as the contract's peer_info, or a function. Each makes an
// ephemera.Provider for Node.Follow, which asks it again and again; First asks it for the list that
// a node is made with.
//
// A list carries its number and makes that group (PROTOCOL.md R9). Providers never count: whoever
// edits the list gives every change of members or limits the next number, while names and addresses
// change under the same one. An invalid list is refused whole. A file or an address that was read
// once and cannot be read now goes on telling its last good list, with a Warning that says why.
//
// Providers should tell every group. When one skips a number, because two edits came between two
// polls, the node adopts the newer group and takes no part in the one between: it counts among the
// faulty members there and does not get its blocks. Nothing wrong can be certified by that, and
// every group is safe for itself; but when many members skip the same group, nobody makes blocks in
// it.
package provider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Func is a provider made of a function, which must be safe for concurrent use, heed ctx and return
// what membership.NewList made.
type Func func(ctx context.Context) (membership.List, error)

var _ ephemera.Provider = Func(nil)

// Current calls the function.
func (f Func) Current(ctx context.Context) (membership.List, error) { return f(ctx) }

// Static tells the same list for ever.
func Static(list membership.List) Func {
	return func(context.Context) (membership.List, error) { return list, nil }
}

// keepLast goes on telling the last good list while load fails, with the reason as its Warning.
func keepLast(load Func) Func {
	var mu sync.Mutex
	var last membership.List
	return func(ctx context.Context) (membership.List, error) {
		list, err := load(ctx)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			last = list
			return list, nil
		case last.Group == nil:
			return membership.List{}, err
		}
		list = last
		list.Warning = fmt.Errorf("the list of group %d is kept: %w", last.Group.Number(), err)
		return list, nil
	}
}

// Stored is the part of a store that First needs.
type Stored interface {
	Groups(ctx context.Context) ([]store.Group, error)
}

// The waits of First between two questions.
const (
	askFirst = 250 * time.Millisecond
	askMost  = 5 * time.Second
)

// First returns the list that a node is made with (ephemera.Config.Group and Peers): what the
// provider tells. A node that has run before does not wait for its source: when the first answer is
// an error, or a list that the node would refuse, First returns the newest group in the store,
// without addresses and with a Warning; Node.Follow brings the rest later. Otherwise the provider
// is asked until ctx is done, which should have a deadline, and the error is what it said last.
func First(ctx context.Context, p ephemera.Provider, stored Stored) (membership.List, error) {
	groups, err := stored.Groups(ctx)
	if err != nil {
		return membership.List{}, fmt.Errorf("load groups: %w", err)
	}
	for wait := askFirst; ; wait = min(2*wait, askMost) {
		list, err := p.Current(ctx)
		if err == nil {
			err = fits(list, groups)
		}
		switch {
		case err == nil:
			return list, nil
		case len(groups) > 0:
			return fromStore(groups[len(groups)-1].Group, err), nil
		}
		select {
		case <-ctx.Done():
			return membership.List{}, fmt.Errorf("no list of members yet (repair its source, then start again): %w", errors.Join(err, ctx.Err()))
		case <-time.After(wait):
		}
	}
}

// fits tells whether a node with these groups takes the list.
func fits(list membership.List, groups []store.Group) error {
	if list.Group == nil {
		return fmt.Errorf("%w: the provider tells none", membership.ErrInvalid)
	}
	for _, known := range groups {
		if known.Group.Network() != list.Group.Network() {
			return fmt.Errorf("%s: %w: it is of network %q, this node's store is of %q",
				list.Source, membership.ErrInvalid, list.Group.Network(), known.Group.Network())
		}
		if known.Group.Number() == list.Group.Number() && known.Group.ID() != list.Group.ID() {
			return fmt.Errorf("%s: %w: number %d is that of group %s, not of %s; give a changed list the next number",
				list.Source, store.ErrGroup, list.Group.Number(), known.Group.ID(), list.Group.ID())
		}
	}
	return nil
}

func fromStore(group *membership.Group, reason error) membership.List {
	peers := make([]membership.Peer, group.N())
	for i, key := range group.Members() {
		peers[i].Key = key
	}
	return membership.List{
		Group: group, Peers: peers, Source: "the node's store",
		Warning: fmt.Errorf("group %d is taken from the store: %w", group.Number(), reason),
	}
}
