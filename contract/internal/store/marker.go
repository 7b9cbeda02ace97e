package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

// marker is the content of the file next to the database that says what the database must hold: the
// newest settled epoch. A settlement is durable in the database first and in the marker second,
// before anything shows its receipt. So a database may be ahead of its marker, and one that is
// behind has lost receipts that others hold.
type marker struct {
	Version  int            `json:"version"`
	Network  string         `json:"network"`
	Contract keys.Public    `json:"contract_key"`
	Epoch    contract.Epoch `json:"epoch"`  // 0: none is settled
	Hash     contract.Hash  `json:"sha256"` // settledEpoch.hash; zero if none is settled
}

const (
	markerVersion  = 1
	markerSuffix   = ".marker"
	markerDomain   = "contract/marker/v1"
	maxMarkerBytes = 4 << 10
)

// readMarker returns nil if there is no marker.
func readMarker(path string) (*marker, error) {
	if missing(path) {
		return nil, nil
	}
	if err := files.CheckReplaceable(path); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxMarkerBytes))
	if err != nil {
		return nil, err
	}
	var m marker
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w: %s is damaged: %w", ErrLost, path, err)
	}
	if m.Version != markerVersion {
		return nil, fmt.Errorf("read %s: version %d, expected %d (use a newer program)", path, m.Version, markerVersion)
	}
	return &m, nil
}

func (m marker) encode() []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err) // numbers, text and fixed arrays only
	}
	return append(data, '\n')
}

// prepare makes the marker durable under another name, from which publish renames it. So a full
// disk is noticed before the settlement is stored.
func (m marker) prepare(path string) error {
	return files.Replace(path+".next", 0o600, m.encode())
}

func publish(path string) error { return files.Rename(path+".next", path) }

// check returns an error that wraps ErrLost if a database lacks the marker's epoch.
func (m marker) check(ctx context.Context, tx *sqlx.Tx) error {
	who, err := identity(ctx, tx)
	if err != nil {
		return err
	}
	if m.Network != who.Network || m.Contract != who.Key {
		return fmt.Errorf("%w: its marker is of contract %s of network %q", ErrLost, m.Contract, m.Network)
	}
	if m.Epoch == 0 {
		return nil
	}
	stored, err := readSettled(ctx, tx, m.Epoch)
	switch {
	case errors.Is(orNotFound(err), ErrNotFound):
		newest, err := newestSettled(ctx, tx)
		if err != nil {
			return err
		}
		return fmt.Errorf("%w: the contract has settled epoch %d, the database ends with epoch %d", ErrLost, m.Epoch, newest)
	case err != nil:
		return err
	case stored.hash(m.Network) != m.Hash:
		return fmt.Errorf("%w: the contract has settled epoch %d with another result or receipt", ErrLost, m.Epoch)
	}
	return nil
}

// settledEpoch is what the marker's hash covers.
type settledEpoch struct {
	_           struct{} `cbor:",toarray"`
	Epoch       contract.Epoch
	Description []byte
	Status      string
	Rewards     []contract.Reward // empty if the epoch is missed
	Receipt     []byte            // empty if the epoch is missed
}

func (s settledEpoch) hash(network string) contract.Hash {
	return sha256.Sum256(keys.SigningBytes(markerDomain, network, canonical.Encode(s)))
}

// readSettled returns sql.ErrNoRows if the epoch is not settled.
func readSettled(ctx context.Context, tx *sqlx.Tx, epoch contract.Epoch) (settledEpoch, error) {
	var row struct {
		Description []byte `db:"description"`
		Status      string `db:"status"`
		Receipt     []byte `db:"receipt"`
	}
	err := tx.GetContext(ctx, &row, `SELECT e.description, e.status, w.receipt FROM epoch e LEFT JOIN winner w ON w.epoch = e.id
		WHERE e.id = ? AND e.status <> 'open'`, int64(epoch))
	if err != nil {
		return settledEpoch{}, err
	}
	s := settledEpoch{Epoch: epoch, Description: row.Description, Status: row.Status, Receipt: row.Receipt}
	s.Rewards, err = readRewards(ctx, tx, int64(epoch))
	return s, err
}

// newestSettled returns the newest settled epoch, or 0. Epochs are settled in order.
func newestSettled(ctx context.Context, tx *sqlx.Tx) (contract.Epoch, error) {
	var epoch int64
	err := tx.GetContext(ctx, &epoch, `SELECT coalesce(max(id), 0) FROM epoch WHERE status <> 'open'`)
	return contract.Epoch(epoch), err
}

// markerOf returns the marker for what a database holds.
func markerOf(ctx context.Context, tx *sqlx.Tx) (marker, error) {
	who, err := identity(ctx, tx)
	if err != nil {
		return marker{}, err
	}
	m := marker{Version: markerVersion, Network: who.Network, Contract: who.Key}
	if m.Epoch, err = newestSettled(ctx, tx); err != nil || m.Epoch == 0 {
		return m, err
	}
	settled, err := readSettled(ctx, tx, m.Epoch)
	if err != nil {
		return m, err
	}
	m.Hash = settled.hash(m.Network)
	return m, nil
}
