package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// repairStatements write over what is stored of a block.
type repairStatements struct {
	header, oldBody, body, pruned  *sqlx.Stmt
	numberOf, message, certificate *sqlx.Stmt
	release, removeID, remove      *sqlx.Stmt
}

func (r *repairStatements) prepare(db *sqlx.DB) error {
	for _, s := range []struct {
		to    **sqlx.Stmt
		query string
	}{
		{&r.header, `INSERT INTO headers (block_id, chain, height, signed, header, crc) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (block_id) DO UPDATE SET signed = excluded.signed, header = excluded.header, crc = excluded.crc`},
		{&r.oldBody, `SELECT leaves FROM bodies WHERE block_id = ? AND whole = 1`},
		{&r.body, `INSERT INTO bodies (block_id, chain, height, arrived, newest, bytes, whole, leaves) VALUES (?, ?, ?, ?, ?, ?, 1, ?)
			ON CONFLICT (block_id) DO UPDATE SET arrived = CASE WHEN whole = 1 THEN arrived ELSE excluded.arrived END,
				newest = excluded.newest, bytes = excluded.bytes, whole = 1, leaves = excluded.leaves`},
		{&r.pruned, `UPDATE bodies SET whole = 0 WHERE block_id = ?`},
		{&r.numberOf, `SELECT number FROM message_ids WHERE message_id = ?`},
		{&r.message, `INSERT INTO messages (number, message, crc) VALUES (?, ?, ?)
			ON CONFLICT (number) DO UPDATE SET message = excluded.message, crc = excluded.crc`},
		{&r.release, `UPDATE message_ids SET bodies = bodies - 1 WHERE message_id = ? RETURNING number, bodies`},
		{&r.removeID, `DELETE FROM message_ids WHERE message_id = ?`},
		{&r.remove, `DELETE FROM messages WHERE number = ?`},
		{&r.certificate, `UPDATE certificates SET certificate = ?, crc = ? WHERE chain = ? AND height = ? AND block_id = ?`},
	} {
		statement, err := db.Preparex(s.query)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", s.query, err)
		}
		*s.to = statement
	}
	return nil
}

// repair writes a certified block over what is stored of it.
func (c *commit) repair(w store.PutRepaired) error {
	slot, id := w.Block.Header.Slot(), w.Block.ID()
	chain, height, err := c.chainOf(slot)
	if err != nil {
		return err
	}
	certified, err := c.certifiedAt(chain, height)
	switch {
	case err != nil:
		return err
	case certified == block.ID{}:
		return fmt.Errorf("repair slot %s: %w", slot, store.ErrNotFound)
	case certified != id:
		return fmt.Errorf("%w: slot %s, block %s", store.ErrConflict, slot, certified)
	}
	if err := c.replaceBlock(chain, height, w.Block, id); err != nil {
		return err
	}
	proof := w.Certificate.Encode()
	return c.exec(c.statements.repairs.certificate, proof, checksum(proof), chain.Chain, height, id[:])
}

// replaceBlock writes the header and the messages of a block over what is stored of them. Messages
// that were stored but damaged keep the running time at which they came.
func (c *commit) replaceBlock(chain *chainRow, height int64, b block.Block, id block.ID) error {
	if err := c.putMessages(); err != nil {
		return err
	}
	c.whole[id] = false
	signed, header := b.Signature != keys.Signature{}, canonical.Encode(b.SignedHeader)
	if err := c.exec(c.statements.repairs.header, id[:], chain.Chain, height, signed, header, checksum(header)); err != nil {
		return err
	}
	if b.Header.Count == 0 {
		return nil
	}
	var old []byte
	err := c.get(&old, c.statements.repairs.oldBody, id[:])
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	held, err := leaves.Decode(old)
	if err != nil {
		held = nil // damaged
	}
	if b.Pruned() {
		return c.removeBody(id, held)
	}
	counted := map[block.MessageID]bool{}
	for _, leaf := range held {
		counted[leaf.ID] = true
	}
	for _, m := range b.Messages {
		if err := c.replaceMessage(m, counted[m.ID()]); err != nil {
			return err
		}
	}
	all := leaves.Of(b)
	return c.exec(c.statements.repairs.body, id[:], chain.Chain, height, c.now, leaves.Newest(all), b.BodyBytes(), leaves.Encode(all))
}

// removeBody removes the messages of a block, as Prune does. Messages stay that are missing in held
// because the leaves are damaged.
func (c *commit) removeBody(id block.ID, held []leaves.Leaf) error {
	for _, leaf := range held {
		var left struct {
			Number int64 `db:"number"`
			Bodies int64 `db:"bodies"`
		}
		err := c.get(&left, c.statements.repairs.release, leaf.ID[:])
		if errors.Is(err, sql.ErrNoRows) || err == nil && left.Bodies > 0 {
			continue
		}
		if err == nil {
			err = c.exec(c.statements.repairs.removeID, leaf.ID[:])
		}
		if err == nil {
			err = c.exec(c.statements.repairs.remove, left.Number)
		}
		if err != nil {
			return err
		}
	}
	return c.exec(c.statements.repairs.pruned, id[:])
}

// replaceMessage writes a message over the stored one. counted says that the message's count of
// bodies includes the body that is written.
func (c *commit) replaceMessage(m block.Message, counted bool) error {
	id := m.ID()
	var number int64
	err := c.get(&number, c.statements.repairs.numberOf, id[:])
	if errors.Is(err, sql.ErrNoRows) {
		c.retain(m)
		return nil
	}
	if err != nil {
		return err
	}
	data := m.Encode()
	if err := c.exec(c.statements.repairs.message, number, data, checksum(data)); err != nil || counted {
		return err
	}
	return c.exec(c.statements.retains[one], 1, id[:])
}
