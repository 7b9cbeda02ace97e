// Package local is the API of a node in the same process. It needs no socket; package server serves
// it over HTTP.
package local

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Config is what a node's API tells and does beyond the node. All fields may be left out.
type Config struct {
	DHT         DHT             // nil: the DHT's calls answer api.NotConfigured
	Version     string          // of the program
	Application json.RawMessage // what the program tells of its configuration, without secrets
	Listening   func() bool     // whether the program's listeners are bound; nil: they are, or there are none
}

// DHT is a distributed hash table among the members (package dht). A key that is not found is an
// error that wraps store.ErrNotFound or api.NotFound, within a deadline of its own.
type DHT interface {
	Store(ctx context.Context, key string, value []byte) error
	Query(ctx context.Context, key string) ([]byte, error)
}

// New returns the API of a node. Blocks and groups are answered before the node runs, too, the rest
// once it does.
func New(node *ephemera.Node, config Config) api.API {
	c := node.Config()
	return local{node: node, config: config, key: c.Key, self: c.Key.Public(), store: c.Store}
}

// local is the API of a node in this process.
type local struct {
	node   *ephemera.Node
	config Config
	key    keys.Private
	self   keys.Public
	store  store.Store
}

// kinds says which kind of problem the node's errors are. The first that fits counts.
var kinds = []struct {
	err  error
	kind api.Kind
}{
	{ephemera.ErrRefused, api.Refused},
	{ephemera.ErrUnknownSender, api.UnknownSender},
	{mempool.ErrDuplicate, api.Duplicate},
	{mempool.ErrFull, api.MempoolFull},
	{mempool.ErrQuota, api.SenderQuota},
	{mempool.ErrExpired, api.Invalid},
	{mempool.ErrFuture, api.Invalid},
	{block.ErrInvalid, api.Invalid},
	{ephemera.ErrClosed, api.Invalid},
	{store.ErrPruned, api.Pruned},
	{store.ErrNotFound, api.NotFound},
	{ephemera.ErrStopped, api.Unavailable},
}

// problem returns an error as the API tells it: as a Problem, or that of a context.
func problem(err error) error {
	var known *api.Problem
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return api.WrapProblem(k.kind, err)
		}
	}
	return api.WrapProblem(api.Internal, err)
}

func notFound(format string, args ...any) error {
	return api.NewProblem(api.NotFound, fmt.Sprintf(format, args...))
}

// SubmitEphemeraMessage implements API.
func (a local) SubmitEphemeraMessage(ctx context.Context, s api.Submission) (api.Submitted, error) {
	if err := cmp.Or(ctx.Err(), s.Check()); err != nil { // a caller that is gone submits nothing
		return api.Submitted{}, err
	}
	group, err := a.open(s.Group)
	if err != nil {
		return api.Submitted{}, err
	}
	if err := a.makesBlocks(group); err != nil {
		return api.Submitted{}, err
	}
	if limit := group.Limits().PayloadBytes; uint64(len(s.Payload)) > uint64(limit) {
		return api.Submitted{}, api.NewProblem(api.TooLarge, fmt.Sprintf("payload of %d bytes, group %d takes at most %d", len(s.Payload), group.Number(), limit))
	}
	if !s.NodeSigns() {
		m, err := s.Message()
		if err != nil {
			return api.Submitted{}, err
		}
		if err := a.submit(ctx, m, s.Group, group); err != nil {
			return api.Submitted{}, problem(err)
		}
		return api.Submitted{ID: m.ID()}, nil
	}
	m, err := a.signed(ctx, s, group)
	if err != nil {
		return api.Submitted{}, problem(err)
	}
	signed := api.NewMessage(m)
	return api.Submitted{ID: m.ID(), Message: &signed}, nil
}

// makesBlocks refuses what would wait for ever: a node that takes its own messages alone, and makes
// no blocks in the group.
func (a local) makesBlocks(group *membership.Group) error {
	if a.node.Config().Include != mempool.Own {
		return nil
	}
	if err := a.node.CanMakeBlocks(group); err != nil {
		return api.WrapProblem(api.Unavailable, fmt.Errorf("%w: submit to another member", err))
	}
	return nil
}

// submit directs a message to the blocks of a group where the caller named one.
func (a local) submit(ctx context.Context, m block.Message, number uint64, group *membership.Group) error {
	if number == 0 {
		return a.node.Submit(ctx, m)
	}
	return a.node.SubmitIn(ctx, m, group.ID())
}

// sameMoment bounds the equal submissions of one millisecond that the node signs as different
// messages.
const sameMoment = 1000

// signed makes, signs and submits a message. Without a time each submission is a message of its
// own, also within a millisecond.
func (a local) signed(ctx context.Context, s api.Submission, group *membership.Group) (m block.Message, err error) {
	now := time.Now().UnixMilli()
	for ahead := range int64(sameMoment) {
		m, err = block.NewMessage(a.key, group.Network(), s.Label, s.Payload, cmp.Or(s.Time, now+ahead))
		if err != nil {
			return m, err
		}
		err = a.submit(ctx, m, s.Group, group)
		if s.Time != 0 || !errors.Is(err, mempool.ErrDuplicate) {
			return m, err
		}
	}
	return m, err
}

// open returns an open group by its number, the newest for 0.
func (a local) open(number uint64) (*membership.Group, error) {
	if number == 0 {
		return a.node.Group(), nil
	}
	known, ok := a.known(number)
	if !ok || known.Closed {
		return nil, api.NewProblem(api.Invalid, fmt.Sprintf("group %d is not open at this node; leave the group out for the newest", number))
	}
	return known.Group, nil
}

// known returns a known group by its number, for 0 the newest in which the node is a member.
func (a local) known(number uint64) (ephemera.KnownGroup, bool) {
	if number == 0 {
		number = a.node.OwnGroup().Number()
	}
	for _, k := range a.node.Groups() {
		if k.Group.Number() == number {
			return k, true
		}
	}
	return ephemera.KnownGroup{}, false
}

// groupOf returns a known group by its ID. Every certified block's group is known.
func (a local) groupOf(id membership.ID) (*membership.Group, error) {
	for _, k := range a.node.Groups() {
		if k.Group.ID() == id {
			return k.Group, nil
		}
	}
	return nil, notFound("no group %s at this node", id)
}

// Subscribe implements API. Blocks are read from the store when the caller asks for the next, so a
// slow caller keeps nobody waiting.
func (a local) Subscribe(ctx context.Context, s api.Subscription) iter.Seq2[api.Entry, error] {
	return func(yield func(api.Entry, error) bool) {
		if err := a.follow(ctx, s, yield); err != nil {
			yield(api.Entry{}, problem(err))
		}
	}
}

// Bounds of what one read of the store brings.
const (
	listBlocks = api.MaxPage
	listBytes  = 1 << 20
)

// follow yields blocks until the caller has enough: nil, or something ends it.
func (a local) follow(ctx context.Context, s api.Subscription, yield func(api.Entry, error) bool) error {
	if s.Own {
		if s.Creator != (keys.Public{}) && s.Creator != a.self {
			return api.NewProblem(api.Invalid, "own blocks of another creator: leave one of the two out")
		}
		s.Creator = a.self
	}
	if err := a.reached(ctx, s.From); err != nil {
		return err
	}
	after := uint64(s.From)
	if s.From == api.Now {
		last, err := a.last(ctx)
		if err != nil {
			return err
		}
		after = last
		s.Looked(api.Cursor(after))
	}
	names := a.names()
	for {
		changed := a.node.Changed() // before the store is read, so that nothing comes unnoticed in between
		entries, err := a.store.List(ctx, after, s.Creator, listBlocks, listBytes)
		if err != nil {
			return err
		}
		for _, e := range entries {
			after = e.Sequence
			if s.Label == "" || hasLabel(e.Block, s.Label) {
				entry, err := a.entry(e, names)
				if err != nil {
					return err
				}
				if !yield(entry, nil) {
					return nil
				}
			}
			s.Looked(api.Cursor(after))
		}
		if len(entries) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-a.node.Stopped():
			return ephemera.ErrStopped
		}
	}
}

func hasLabel(b block.Block, label string) bool {
	for _, m := range b.Messages {
		if m.Label() == label {
			return true
		}
	}
	return false
}

// last returns the sequence of the last block in the store, or at least its place: nothing is above
// it. It asks about 2 log2 of it times.
func (a local) last(ctx context.Context) (uint64, error) {
	above := func(sequence uint64) (bool, error) {
		entries, err := a.store.List(ctx, sequence, keys.Public{}, 1, 1)
		return len(entries) > 0, err
	}
	var low, high uint64 = 0, 1 // something is above low, if low is not 0; nothing above high after the first loop
	for {
		more, err := above(high)
		if err != nil {
			return 0, err
		}
		if !more {
			break
		}
		low, high = high, 2*high
	}
	for low < high {
		middle := low + (high-low)/2
		more, err := above(middle)
		if err != nil {
			return 0, err
		}
		if more {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// names are what the members are called, for people.
type names map[keys.Public]membership.Peer

func (n names) of(key keys.Public) string { return n[key].Name }

// names returns what the members' lists say of members now.
func (a local) names() names {
	out := names{}
	for _, peer := range a.node.Peers() {
		out[peer.Key] = peer
	}
	return out
}
