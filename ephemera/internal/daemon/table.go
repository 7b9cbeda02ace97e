package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/dht"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// openTable takes part in the hash table, where that is configured.
func (d *daemon) openTable() error {
	if !d.Settings.DHT.Enabled {
		return nil
	}
	table, err := dht.New(dht.Config{
		Host: d.link.Host(), Network: d.Settings.Node.Network, Key: d.home.Key, Members: d.connected, Limits: d.bounds.DHT,
		Logger: d.Logger.With("logger", "dht"),
	})
	if err != nil {
		return fmt.Errorf("dht: %w", err)
	}
	d.table = table
	d.link.SetFinder(table.Find)
	return nil
}

// closeTable comes before the transport's end.
func (d *daemon) closeTable() error {
	if d.table == nil {
		return nil
	}
	return d.table.Close()
}

// connected returns the members of all groups that the node keeps in touch with.
func (d *daemon) connected() []keys.Public {
	var members []keys.Public
	for _, known := range d.node.Groups() {
		if known.Connected {
			members = append(members, known.Group.Members()...)
		}
	}
	return members
}

// shared returns the hash table for the API, nil when there is none.
func (d *daemon) shared() ephemera.DHT {
	if d.table == nil {
		return nil
	}
	return table{d.table}
}

// table tells the API what a caller did wrong.
type table struct{ dht *dht.DHT }

// Store implements ephemera.DHT.
func (t table) Store(ctx context.Context, key string, value []byte) error {
	return invalid(t.dht.Store(ctx, key, value))
}

// Query implements ephemera.DHT.
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
