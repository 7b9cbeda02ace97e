// Package local is the API of a node in the same process. It needs no socket; package server serves
// it over HTTP.
package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// Config is what the API knows and does beyond its node. Every field may be left out.
type Config struct {
	DHT         DHT             // nil: calls to the DHT return api.NotConfigured
	Version     string          // of the program
	Application json.RawMessage // the program's own configuration, without secrets
	Listening   func() bool     // reports whether the program's listeners are bound; nil: true
}

// DHT is a distributed hash table among the members (package dht). Calls end within a deadline of
// their own. The error for a missing key wraps store.ErrNotFound or api.NotFound.
type DHT interface {
	Store(ctx context.Context, key string, value []byte) error
	Query(ctx context.Context, key string) ([]byte, error)
}

// New returns the API of a node. It answers about blocks and groups at any time, about the rest
// while the node runs.
func New(node *ephemera.Node, config Config) api.API {
	c := node.Config()
	a := local{node: node, config: config, key: c.Key, self: c.Key.Public(), store: c.Store}
	a.tail = newTail(a.store, a.lastSequence)
	return a
}

// local implements api.API.
type local struct {
	node   *ephemera.Node
	config Config
	key    keys.Private
	self   keys.Public
	store  store.Store
	tail   *tail
}

// kinds maps the errors of a node to kinds of problems. The first match counts.
var kinds = []struct {
	err  error
	kind api.Kind
}{
	{ephemera.ErrRefused, api.Refused},
	{ephemera.ErrLater, api.Unavailable},
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
	{store.ErrCorrupt, api.Unavailable},
	{ephemera.ErrStopped, api.Unavailable},
}

// problem returns err as a Problem. It leaves Problems and the errors of contexts as they are.
func problem(err error) error {
	var known *api.Problem
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, store.ErrCorrupt) {
		err = fmt.Errorf("%w (the node fetches the block again from members that hold it: retry later, or ask another member)", err)
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
