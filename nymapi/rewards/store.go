package rewards

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

//go:embed migrations/*.sql
var migrations embed.FS

var (
	// ErrNotFound reports a value that is not stored.
	ErrNotFound = errors.New("not stored")
	// ErrOtherContract reports a database of another contract or network.
	ErrOtherContract = errors.New("the folder belongs to another contract")
	// ErrOtherMember reports a database of another member.
	ErrOtherMember = errors.New("the folder belongs to another member")
)

// Store is a Nym-API's database: what it signed, submitted and learnt. What a method has stored
// survives a power cut. Methods are safe for concurrent use. The schema is in migrations.
type Store struct{ db *database.DB }

// OpenStore opens the database at path, creates it if it does not exist, and brings its schema up
// to date. The folder must exist. While another program locks the file or the disk is full, writes
// wait until their context is done; log says so and may be nil.
func OpenStore(ctx context.Context, path string, log *slog.Logger) (*Store, error) {
	db, err := database.Open(ctx, database.Config{Path: path, Migrations: migrations, Log: log})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &Store{db: db}, nil
}

// Close closes the database. No method may be called afterwards.
func (s *Store) Close() error { return s.db.Close() }

// found converts sql.ErrNoRows to ErrNotFound.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// Contract is the contract that a Nym-API belongs to.
type Contract struct {
	Network string
	Key     keys.Public
	// PeerInfo is the last response with a complete group in JSON, nil before there was one.
	PeerInfo []byte
}

// Contract returns the stored contract, or ErrNotFound.
func (s *Store) Contract(ctx context.Context) (Contract, error) {
	var row struct {
		Network  string         `db:"network"`
		Key      []byte         `db:"key"`
		PeerInfo sql.NullString `db:"peer_info"`
	}
	if err := s.db.GetContext(ctx, &row, `SELECT network, key, peer_info FROM contract`); err != nil {
		return Contract{}, fmt.Errorf("load contract: %w", found(err))
	}
	c := Contract{Network: row.Network, Key: keys.Public(row.Key)}
	if row.PeerInfo.Valid {
		c.PeerInfo = []byte(row.PeerInfo.String)
	}
	return c, nil
}

// SetContract stores the contract. The error is ErrOtherContract if another one is stored. A nil
// PeerInfo leaves the stored one unchanged.
func (s *Store) SetContract(ctx context.Context, c Contract) error {
	stored, err := s.Contract(ctx)
	switch {
	case err == nil && (stored.Network != c.Network || stored.Key != c.Key):
		return fmt.Errorf("%w: it has network %q and contract %s, this one is %q and %s; use another folder for each contract",
			ErrOtherContract, stored.Network, stored.Key, c.Network, c.Key)
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	info := sql.NullString{String: string(c.PeerInfo), Valid: c.PeerInfo != nil}
	_, err = s.db.ExecContext(ctx, `INSERT INTO contract (one, network, key, peer_info) VALUES (1, ?, ?, ?)
		ON CONFLICT (one) DO UPDATE SET peer_info = coalesce(excluded.peer_info, peer_info)`, c.Network, c.Key[:], info)
	if err != nil {
		return fmt.Errorf("store contract: %w", err)
	}
	return nil
}

// SetMember stores the member's key. It is called after SetContract. The error is ErrOtherMember if
// another key is stored: what was signed and submitted is not this member's.
func (s *Store) SetMember(ctx context.Context, key keys.Public) error {
	var stored []byte
	err := s.db.Write(ctx, func(tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &stored, `UPDATE contract SET member = coalesce(member, ?) RETURNING member`, key[:])
	})
	switch {
	case err != nil:
		return fmt.Errorf("store member: %w", found(err))
	case keys.Public(stored) != key:
		return fmt.Errorf("%w: its reports are signed by %s, this Nym-API has key %s; use the folder that was made with this key, or a new one",
			ErrOtherMember, keys.Public(stored), key)
	}
	return nil
}

// ChangeSettings stores the settings of this start, by name, and returns those that had another
// value at the start before, with that value. Those that the store does not know are not changed.
func (s *Store) ChangeSettings(ctx context.Context, settings map[string]string) (before map[string]string, err error) {
	kept, err := s.db.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("load settings: %w", err)
	}
	before = make(map[string]string)
	for name, value := range settings {
		if old, known := kept[name]; known && old != value {
			before[name] = old
		}
	}
	if err := s.db.KeepSettings(ctx, settings); err != nil {
		return nil, fmt.Errorf("store settings: %w", err)
	}
	return before, nil
}

// NextEnrolment returns the counter of the next enrolment. It is greater than all before, even
// after a restart.
func (s *Store) NextEnrolment(ctx context.Context) (uint64, error) {
	var counter uint64
	err := s.db.Write(ctx, func(tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &counter, `UPDATE contract SET enrolments = enrolments + 1 RETURNING enrolments`)
	})
	if err != nil {
		return 0, fmt.Errorf("count enrolment: %w", found(err))
	}
	return counter, nil
}

// Descriptions returns the stored descriptions in ascending order.
func (s *Store) Descriptions(ctx context.Context) ([]contract.Description, error) {
	var rows [][]byte
	if err := s.db.SelectContext(ctx, &rows, `SELECT description FROM descriptions ORDER BY epoch`); err != nil {
		return nil, fmt.Errorf("load descriptions: %w", err)
	}
	list := make([]contract.Description, len(rows))
	for i, row := range rows {
		var err error
		if list[i], err = contract.DecodeDescription(row); err != nil {
			return nil, fmt.Errorf("load descriptions: %w", err)
		}
	}
	return list, nil
}

// KeepDescription stores a description and drops those of epochs before oldest.
func (s *Store) KeepDescription(ctx context.Context, d contract.Description, oldest contract.Epoch) error {
	err := s.db.Write(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO descriptions (epoch, description) VALUES (?, ?) ON CONFLICT DO NOTHING`, d.Epoch, d.Encode())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM descriptions WHERE epoch < ?`, oldest)
		return err
	})
	if err != nil {
		return fmt.Errorf("store description of epoch %d: %w", d.Epoch, err)
	}
	return nil
}

// Report returns the encoded message with this Nym-API's report, or ErrNotFound.
func (s *Store) Report(ctx context.Context, epoch contract.Epoch) ([]byte, error) {
	var message []byte
	if err := s.db.GetContext(ctx, &message, `SELECT message FROM reports WHERE epoch = ?`, epoch); err != nil {
		return nil, fmt.Errorf("load report of epoch %d: %w", epoch, found(err))
	}
	return message, nil
}

// KeepReport stores this Nym-API's report unless there is one, and returns the stored bytes.
func (s *Store) KeepReport(ctx context.Context, epoch contract.Epoch, message []byte, at contract.Millis) ([]byte, error) {
	_, err := s.db.ExecContext(ctx, `INSERT INTO reports (epoch, message, signed_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, epoch, message, at)
	if err != nil {
		return nil, fmt.Errorf("store report of epoch %d: %w", epoch, err)
	}
	return s.Report(ctx, epoch)
}

// SetWinner stores the winner of an epoch. A winner that is already stored stays.
func (s *Store) SetWinner(ctx context.Context, epoch contract.Epoch, w contract.Winner) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO winners (epoch, name, key, block_id, accepted_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		epoch, w.Name, w.Key[:], w.Block[:], w.AcceptedAt)
	if err != nil {
		return fmt.Errorf("store winner of epoch %d: %w", epoch, err)
	}
	return nil
}

// KeepWinningBlock stores a block with its certificate if it won the epoch, and reports whether it
// did.
func (s *Store) KeepWinningBlock(ctx context.Context, epoch contract.Epoch, b block.Block, c certificate.Certificate) (bool, error) {
	id := b.ID()
	result, err := s.db.ExecContext(ctx, `UPDATE winners SET block = ?, certificate = ? WHERE epoch = ? AND block_id = ?`,
		b.Encode(), c.Encode(), epoch, id[:])
	if err != nil {
		return false, fmt.Errorf("store block of epoch %d: %w", epoch, err)
	}
	changed, err := result.RowsAffected()
	return changed > 0, err
}

// Winner is the winner of an epoch. Evidence is nil until the winner's block has been delivered.
type Winner struct {
	contract.Winner
	Evidence *contract.Evidence
}

// Winner returns the winner of an epoch of that group, or ErrNotFound.
func (s *Store) Winner(ctx context.Context, group *membership.Group, epoch contract.Epoch) (Winner, error) {
	var row struct {
		Name        string          `db:"name"`
		Key         []byte          `db:"key"`
		ID          []byte          `db:"block_id"`
		AcceptedMS  contract.Millis `db:"accepted_ms"`
		Block       []byte          `db:"block"`
		Certificate []byte          `db:"certificate"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT name, key, block_id, accepted_ms, block, certificate FROM winners WHERE epoch = ?`, epoch)
	if err != nil {
		return Winner{}, fmt.Errorf("load winner of epoch %d: %w", epoch, found(err))
	}
	w := Winner{Winner: contract.Winner{Name: row.Name, Key: keys.Public(row.Key), Block: block.ID(row.ID), AcceptedAt: row.AcceptedMS}}
	if row.Block == nil {
		return w, nil
	}
	w.Evidence = new(contract.Evidence)
	if w.Evidence.Block, err = block.Decode(row.Block, group.Limits()); err != nil {
		return Winner{}, fmt.Errorf("load winner of epoch %d: %w", epoch, err)
	}
	if w.Evidence.Certificate, err = certificate.Decode(row.Certificate, group.N()); err != nil {
		return Winner{}, fmt.Errorf("load winner of epoch %d: %w", epoch, err)
	}
	return w, nil
}

// Followed returns the cursor up to which the blocks of a daemon were taken, 0 if none of this
// daemon's were.
func (s *Store) Followed(ctx context.Context, node keys.Public) (uint64, error) {
	var cursor uint64
	err := s.db.GetContext(ctx, &cursor, `SELECT cursor FROM followed WHERE node = ?`, node[:])
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("load cursor: %w", err)
	}
	return cursor, nil
}

// Follow stores the cursor up to which the blocks of a daemon were taken. It replaces the cursor of
// any other daemon.
func (s *Store) Follow(ctx context.Context, node keys.Public, cursor uint64) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO followed (one, node, cursor) VALUES (1, ?, ?)
		ON CONFLICT (one) DO UPDATE SET node = excluded.node, cursor = excluded.cursor`, node[:], cursor)
	if err != nil {
		return fmt.Errorf("store cursor: %w", err)
	}
	return nil
}
