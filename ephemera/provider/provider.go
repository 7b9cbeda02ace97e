// Package provider reads the list of a group's members from a source outside the node: a fixed
// list, a file that people edit, an HTTP address such as the contract's peer_info, or a function.
// Each source is an ephemera.Provider for Node.Follow, which polls it. First reads the list that a
// node is made with. The package does not import the node.
//
// A list carries the number of its group (PROTOCOL.md R9). Providers never count: the person who
// edits the list gives every change of members or limits the next number, while names and addresses
// change under the same number. An invalid list is refused as a whole. If a file or an address was
// read once and cannot be read now, its last good list is returned with a Warning that says why.
//
// A source should show every group. If a node misses a number, because two edits came between two
// polls, it adopts the newer group and takes no part in the one it missed: there it counts as a
// faulty member and does not get the blocks. Nothing wrong can be certified by that, and every
// group is safe on its own, but if many members miss the same group, no blocks are made in it.
package provider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Source returns the current list of members. Every ephemera.Provider is one.
type Source interface {
	Current(ctx context.Context) (membership.List, error)
}

// Func is a source made of a function. The function must be safe for concurrent use, return when
// ctx is done, and return lists made by membership.NewList.
type Func func(ctx context.Context) (membership.List, error)

// Current calls the function.
func (f Func) Current(ctx context.Context) (membership.List, error) { return f(ctx) }

// Static returns the same list forever.
func Static(list membership.List) Func {
	return func(context.Context) (membership.List, error) { return list, nil }
}

// keepLast returns the last good list while load fails, with the reason as its Warning.
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
		list.Warning = fmt.Errorf("keeping the list of group %d: %w", last.Group.Number(), err)
		return list, nil
	}
}

// Stored is the part of a store that First needs.
type Stored interface {
	Groups(ctx context.Context) ([]store.Group, error)
}

// Bounds of First's backoff.
const (
	minBackoff = 250 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// First returns the list that a node is made with (Group and Peers of ephemera.Config). A node that
// has run before does not wait for its source: if the first answer is an error, or a list that the
// node would refuse, First returns the newest group in the store, without addresses and with a
// Warning. Node.Follow brings the rest later. Otherwise First polls the source until ctx is done,
// which should have a deadline, and returns the last error.
func First(ctx context.Context, source Source, stored Stored) (membership.List, error) {
	groups, err := stored.Groups(ctx)
	if err != nil {
		return membership.List{}, fmt.Errorf("load groups: %w", err)
	}
	for wait := minBackoff; ; wait = min(2*wait, maxBackoff) {
		list, err := source.Current(ctx)
		if err == nil {
			err = checkFits(list, groups)
		}
		switch {
		case err == nil:
			return list, nil
		case len(groups) > 0:
			return fromStore(groups[len(groups)-1].Group, err), nil
		}
		select {
		case <-ctx.Done():
			return membership.List{}, fmt.Errorf("read the list of members (repair its source, then start again): %w", errors.Join(err, ctx.Err()))
		case <-time.After(wait):
		}
	}
}

// checkFits returns nil if a node that knows these groups takes the list.
func checkFits(list membership.List, groups []store.Group) error {
	if list.Group == nil {
		return fmt.Errorf("%w: the provider returned no group", membership.ErrInvalid)
	}
	for _, known := range groups {
		if known.Group.Network() != list.Group.Network() {
			return fmt.Errorf("%s: %w: the list is of network %q, the node's store of %q",
				list.Source, membership.ErrInvalid, list.Group.Network(), known.Group.Network())
		}
		if known.Group.Number() == list.Group.Number() && known.Group.ID() != list.Group.ID() {
			return fmt.Errorf("%s: %w: number %d belongs to group %s, not to %s (give a changed list the next number)",
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
		Warning: fmt.Errorf("using group %d from the store: %w", group.Number(), reason),
	}
}
