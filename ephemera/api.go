package ephemera

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// API is what a node does for programs: package api.
type API = api.API

// APIConfig is what a node's API tells and does beyond the node. All fields may be left out.
type APIConfig struct {
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

// API returns the in-process form of the node's API. It needs no socket; package api/server serves
// it over HTTP. Blocks and groups are answered before Run too, the rest once the node runs.
func (n *Node) API(config APIConfig) API { return local{node: n, config: config} }

// local is the API of a node in this process.
type local struct {
	node   *Node
	config APIConfig
}

// kinds says which kind of problem the node's errors are. The first that fits counts.
var kinds = []struct {
	err  error
	kind api.Kind
}{
	{ErrRefused, api.Refused},
	{ErrLater, api.Unavailable},
	{ErrUnknownSender, api.UnknownSender},
	{mempool.ErrDuplicate, api.Duplicate},
	{mempool.ErrFull, api.MempoolFull},
	{mempool.ErrQuota, api.SenderQuota},
	{mempool.ErrExpired, api.Invalid},
	{mempool.ErrFuture, api.Invalid},
	{block.ErrInvalid, api.Invalid},
	{engine.ErrClosed, api.Invalid},
	{store.ErrPruned, api.Pruned},
	{store.ErrNotFound, api.NotFound},
	{ErrStopped, api.Unavailable},
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
	switch {
	case a.node.config.Include != mempool.Own:
		return nil
	case !group.Contains(a.self()):
		return api.NewProblem(api.Unavailable, fmt.Sprintf("this node is no member of group %d and makes no blocks in it: submit to a member", group.Number()))
	case a.node.muted(group):
		return api.NewProblem(api.Unavailable, fmt.Sprintf("this node %s, and makes no blocks in group %d", mutedAdvice, group.Number()))
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
		m, err = block.NewMessage(a.node.config.Key, group.Network(), s.Label, s.Payload, cmp.Or(s.Time, now+ahead))
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
func (a local) known(number uint64) (KnownGroup, bool) {
	view := a.node.view.Load()
	if number == 0 {
		number = view.own(a.self()).Number()
	}
	for _, k := range view.known {
		if k.Group.Number() == number {
			return k, true
		}
	}
	return KnownGroup{}, false
}

// groupOf returns a known group by its ID. Every certified block's group is known.
func (a local) groupOf(id membership.ID) (*membership.Group, error) {
	for _, k := range a.node.view.Load().known {
		if k.Group.ID() == id {
			return k.Group, nil
		}
	}
	return nil, notFound("no group %s at this node", id)
}

func (a local) self() keys.Public { return a.node.config.Key.Public() }

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
		if s.Creator != (keys.Public{}) && s.Creator != a.self() {
			return api.NewProblem(api.Invalid, "own blocks of another creator: leave one of the two out")
		}
		s.Creator = a.self()
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
	names := a.names(ctx)
	for {
		changed := a.node.Changed() // before the store is read, so that nothing comes unnoticed in between
		entries, err := a.node.config.Store.List(ctx, after, s.Creator, listBlocks, listBytes)
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
		case <-a.node.stopped:
			return ErrStopped
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
		entries, err := a.node.config.Store.List(ctx, sequence, keys.Public{}, 1, 1)
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

// names returns what the membership list says of members now. While the node does not run, that is
// what it was configured with.
func (a local) names(ctx context.Context) names {
	out := names{}
	peers := a.node.config.Peers
	select {
	case <-a.node.running:
		answer := make(chan []membership.Peer, 1)
		err := a.node.call(ctx, func(l *loop) error {
			var known []membership.Peer
			for _, peer := range l.groups.book {
				known = append(known, peer)
			}
			answer <- known
			return nil
		})
		if err != nil {
			break
		}
		select {
		case known := <-answer:
			peers = append(peers[:len(peers):len(peers)], known...) // what is known now is the later word
		case <-ctx.Done():
		case <-a.node.stopped:
		}
	default:
	}
	for _, peer := range peers {
		if known, ok := out[peer.Key]; !ok || peer.Name != "" || known.Name == "" {
			out[peer.Key] = peer
		}
	}
	return out
}
