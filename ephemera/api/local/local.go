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
