package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/local"
	"github.com/ephemera-go/nym-rewarding/ephemera/dht"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// openDHT joins the hash table if dht.enabled is on.
func (d *daemon) openDHT() error {
	if !d.Settings.DHT.Enabled {
		return nil
	}
	table, err := dht.New(dht.Config{
		Host: d.link.Host(), Network: d.Settings.Node.Network, Key: d.home.Key, Members: d.connected, Limits: d.bounds.DHT,
		Skew: time.Duration(d.Settings.Mempool.Skew), Logger: d.Logger.With("logger", "dht"),
	})
	if err != nil {
		return fmt.Errorf("join the hash table: %w", err)
	}
	d.table = table
	d.link.SetFinder(table.Find)
	d.link.SetNeighbours(table.Neighbours)
	return nil
}

// closeDHT leaves the hash table. It must be called before the transport is closed.
func (d *daemon) closeDHT() error {
	if d.table == nil {
		return nil
	}
	return d.table.Close()
}

// connected returns the members of all groups whose members the node connects with.
func (d *daemon) connected() []keys.Public {
	var members []keys.Public
	for _, known := range d.node.Groups() {
		if known.Connected {
			members = append(members, known.Group.Members()...)
		}
	}
	return members
}

// apiDHT returns the hash table for the API, or nil if dht.enabled is off.
func (d *daemon) apiDHT() local.DHT {
	if d.table == nil {
		return nil
	}
	return table{d.table}
}

// table implements local.DHT. It marks the errors that are the caller's fault as api.Invalid.
type table struct{ dht *dht.DHT }

// Store implements local.DHT.
func (t table) Store(ctx context.Context, key string, value []byte) error {
	return invalid(t.dht.Store(ctx, key, value))
}

// Query implements local.DHT.
func (t table) Query(ctx context.Context, key string) ([]byte, error) {
	value, err := t.dht.Query(ctx, key)
	return value, invalid(err)
}

func invalid(err error) error {
	if errors.Is(err, dht.ErrInvalid) {
		return api.WrapProblem(api.Invalid, err)
	}
	return err
}
