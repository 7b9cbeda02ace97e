package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/pressly/goose/v3"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// fillMigration is migration 4. It copies the bodies and messages of a file of schema version 2,
// which migrations/00003_retention.sql renamed, into the new tables.
func fillMigration() *goose.Migration {
	return goose.NewGoMigration(4, &goose.GoFunc{RunTx: fill}, nil)
}

func fill(ctx context.Context, tx *sql.Tx) error {
	for last := int64(0); ; {
		var (
			rowid  int64
			id     []byte
			ids    []byte
			chain  int64
			height int64
			header []byte
		)
		err := tx.QueryRowContext(ctx, `
			SELECT b.rowid, b.block_id, b.ids, h.chain, h.height, h.header
			FROM bodies_before b JOIN headers h USING (block_id) WHERE b.rowid > ? ORDER BY b.rowid LIMIT 1`,
			last).Scan(&rowid, &id, &ids, &chain, &height, &header)
		if err == sql.ErrNoRows {
			_, err = tx.ExecContext(ctx, `DROP TABLE bodies_before; DROP TABLE messages_before`)
			return err
		}
		if err != nil {
			return err
		}
		last = rowid
		if len(ids) == 0 {
			continue
		}
		var signed block.SignedHeader
		if err := canonical.DecodeStored(header, &signed); err != nil {
			return fmt.Errorf("decode stored header %x: %w", id, err)
		}
		all, bytes, err := fillMessages(ctx, tx, ids)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO bodies (block_id, chain, height, time, newest, bytes, whole, leaves) VALUES (?, ?, ?, ?, ?, ?, 1, ?)`,
			id, chain, height, signed.Header.Time, leaves.Newest(all), bytes, leaves.Encode(all)); err != nil {
			return err
		}
	}
}

// fillMessages copies the messages of one body, except those that are copied already, and returns
// their leaves and encoded size.
func fillMessages(ctx context.Context, tx *sql.Tx, ids []byte) (all []leaves.Leaf, bytes int, err error) {
	for id := range slices.Chunk(ids, len(block.MessageID{})) {
		var data []byte
		if err := tx.QueryRowContext(ctx, `SELECT message FROM messages_before WHERE message_id = ?`, id).Scan(&data); err != nil {
			return nil, 0, fmt.Errorf("load stored message %x: %w", id, err)
		}
		m, err := block.DecodeStoredMessage(data)
		if err != nil {
			return nil, 0, fmt.Errorf("decode stored message %x: %w", id, err)
		}
		all, bytes = append(all, leaves.Leaf{ID: m.ID(), Sender: m.Sender(), Time: m.Time()}), bytes+m.Size()
		result, err := tx.ExecContext(ctx, `UPDATE message_ids SET bodies = bodies + 1 WHERE message_id = ?`, id)
		if err != nil {
			return nil, 0, err
		}
		if copied, err := result.RowsAffected(); err != nil || copied > 0 {
			if err != nil {
				return nil, 0, err
			}
			continue
		}
		if result, err = tx.ExecContext(ctx, `INSERT INTO messages (message) VALUES (?)`, data); err != nil {
			return nil, 0, err
		}
		number, err := result.LastInsertId()
		if err != nil {
			return nil, 0, err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO message_ids (message_id, number, bodies) VALUES (?, ?, 1)`, id, number); err != nil {
			return nil, 0, err
		}
	}
	return all, bytes, nil
}
