package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/local"
	"github.com/ephemera-go/nym-rewarding/ephemera/dht"
)

// openTable joins the hash table of the members if Config.DHT is set.
func (s *Service) openTable(n *node) (err error) {
	if !s.config.DHT {
		return nil
	}
	n.table, err = dht.New(dht.Config{
		Host: n.p2p.Host(), Network: n.group.Network(), Key: s.home.Key, Members: n.group.Members, Limits: n.bounds.DHT,
		Logger: s.config.Logger.With("logger", "dht"),
	})
	if err != nil {
		return fmt.Errorf("join the hash table: %w", err)
	}
	n.p2p.SetFinder(n.table.Find)
	n.p2p.SetNeighbours(n.table.Neighbours)
	return nil
}

// close leaves the hash table and closes the transport of a node that does not run, or no longer.
func (n *node) close() error {
	var left error
	if n.table != nil {
		left = n.table.Close()
	}
	return errors.Join(left, n.p2p.Close())
}

// tableAPI returns the hash table as the API of the node takes it, nil without one.
func (n *node) tableAPI() local.DHT {
	if n.table == nil {
		return nil
	}
	return lookups{n.table}
}

// lookups is the hash table for callers of the API, for whom a Nym-API's node stores nothing.
type lookups struct{ table *dht.DHT }

// Store implements local.DHT.
func (lookups) Store(context.Context, string, []byte) error {
	return api.NewProblem(api.Forbidden, "the node's key belongs to a Nym-API, which stores only what it holds of epochs")
}

// Query implements local.DHT.
func (l lookups) Query(ctx context.Context, key string) ([]byte, error) {
	value, err := l.table.Query(ctx, key)
	if errors.Is(err, dht.ErrInvalid) {
		err = api.WrapProblem(api.Invalid, err)
	}
	return value, err
}
