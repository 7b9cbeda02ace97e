package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// Bounds of one transaction of Prune, so that a commit never waits for long. A transaction removes
// at least one body, however large it is.
const (
	pruneBodies   = 64
	pruneMessages = 1024
	prunePages    = 512 // pages freed by one vacuum
)

// Prune removes messages; see store.Store. A sixteenth of the file's pages stays free for new
// blocks.
func (s *Store) Prune(ctx context.Context, retention store.Retention) (store.Pruned, error) {
	s.pruning.Lock()
	defer s.pruning.Unlock()
	var pruned store.Pruned
	err := s.saveRunning(ctx)
	if err == nil {
		err = s.removeOld(ctx, retention, &pruned)
	}
	if err == nil {
		err = s.forgetIDs(ctx, retention)
	}
	if err == nil {
		err = s.shrink(ctx)
	}
	if err != nil {
		return pruned, fmt.Errorf("prune: %w", err)
	}
	return pruned, nil
}

func (s *Store) removeOld(ctx context.Context, retention store.Retention, pruned *store.Pruned) error {
	if retention.Age <= 0 && retention.Keep == 0 {
		return nil
	}
	var chains []storedChain
	err := s.reader.SelectContext(ctx, &chains, `
		SELECT chain, certified, delivered FROM chains WHERE certified > 0 AND delivered > 0`)
	if err != nil {
		return err
	}
	for _, chain := range chains {
		for above := int64(0); ; {
			bodies, err := s.oldBodies(ctx, retention, chain, above)
			if err != nil {
				return err
			}
			if len(bodies) == 0 {
				break
			}
			if err := s.removeBodies(ctx, bodies, pruned); err != nil {
				return err
			}
			above = bodies[len(bodies)-1].Height
		}
	}
	return nil
}

// oldBody is a body to remove.
type oldBody struct {
	Body   int64  `db:"body"`
	Height int64  `db:"height"`
	Leaves []byte `db:"leaves"`
}

// oldBodies returns the next bodies to remove from a chain, as many as a transaction may remove,
// with heights above above. Its condition is that of store.Retention.Removes. It reads outside the
// transaction that removes them. That is safe: only Prune removes bodies, and what was certified or
// delivered stays so.
func (s *Store) oldBodies(ctx context.Context, r store.Retention, chain storedChain, above int64) ([]oldBody, error) {
	below := int64(0)
	if r.Keep > 0 && chain.Certified >= r.Keep {
		below = int64(chain.Certified - r.Keep)
	}
	since := int64(-1)
	if r.Age > 0 {
		since = s.clock.Now() - r.Age.Milliseconds()
	}
	rows, err := s.reader.QueryxContext(ctx, `
		SELECT b.body, b.height, b.leaves FROM bodies b JOIN certificates t ON t.block_id = b.block_id
		WHERE b.whole = 1 AND b.chain = ?1 AND b.height > ?2 AND b.height <= ?3
			AND (b.arrived <= ?4 OR b.height <= ?5) AND (t.arrived <= ?4 OR b.height <= ?5)
		ORDER BY b.height LIMIT ?6`,
		chain.Chain, above, int64(min(chain.Certified, chain.Delivered)), since, below, pruneBodies)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var (
		bodies   []oldBody
		messages int
	)
	for rows.Next() {
		var body oldBody
		if err := rows.StructScan(&body); err != nil {
			return nil, err
		}
		if messages += len(body.Leaves) / leaves.Bytes; len(bodies) > 0 && messages > pruneMessages {
			break
		}
		bodies = append(bodies, body)
	}
	return bodies, rows.Err()
}

// removeBodies removes bodies, and the messages that no other body contains, in one transaction.
func (s *Store) removeBodies(ctx context.Context, bodies []oldBody, pruned *store.Pruned) error {
	ctx = context.WithoutCancel(ctx) // the transaction is short: once it began, let it finish
	tx, err := s.writer.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	counts, bytes := map[block.MessageID]int{}, int64(0)
	for _, body := range bodies {
		if _, err := tx.ExecContext(ctx, `UPDATE bodies SET whole = 0 WHERE body = ?`, body.Body); err != nil {
			return err
		}
		all, err := leaves.Decode(body.Leaves)
		if err != nil {
			return err
		}
		for _, leaf := range all {
			counts[leaf.ID]++
		}
	}
	var removed []block.MessageID
	for id, count := range counts {
		size, err := s.release(ctx, tx, id, count)
		if err != nil {
			return err
		}
		if bytes += size; size > 0 {
			removed = append(removed, id)
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for _, id := range removed {
		s.known.messages.Remove(id)
	}
	pruned.Blocks, pruned.Bytes = pruned.Blocks+len(bodies), pruned.Bytes+bytes
	return nil
}

// release subtracts count from the message's count of bodies. If no body is left, release removes
// the message and returns its size, and otherwise 0.
func (s *Store) release(ctx context.Context, tx *sqlx.Tx, id block.MessageID, count int) (size int64, err error) {
	var left struct {
		Number int64 `db:"number"`
		Bodies int64 `db:"bodies"`
	}
	err = tx.StmtxContext(ctx, s.prunes.release).GetContext(ctx, &left, count, id[:])
	if errors.Is(err, sql.ErrNoRows) { // a damaged ID; the other messages are still removed
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("release stored message %s: %w", id, err)
	}
	if left.Bodies > 0 {
		return 0, nil
	}
	if _, err := tx.StmtxContext(ctx, s.prunes.removeID).ExecContext(ctx, id[:]); err != nil {
		return 0, err
	}
	err = tx.StmtxContext(ctx, s.prunes.remove).GetContext(ctx, &size, left.Number)
	if errors.Is(err, sql.ErrNoRows) { // damaged
		return 0, nil
	}
	return size, err
}

// pruneStatements are the statements of release, prepared once on the writing connection.
type pruneStatements struct{ release, removeID, remove *sqlx.Stmt }

func (p *pruneStatements) prepare(db *sqlx.DB) (err error) {
	if p.release, err = db.Preparex(`UPDATE message_ids SET bodies = bodies - ? WHERE message_id = ? RETURNING number, bodies`); err != nil {
		return err
	}
	if p.removeID, err = db.Preparex(`DELETE FROM message_ids WHERE message_id = ?`); err != nil {
		return err
	}
	p.remove, err = db.Preparex(`DELETE FROM messages WHERE number = ? RETURNING length(message)`)
	return err
}

// forgetIDs removes the message IDs of bodies whose messages were removed, if Retention.Forgets
// says so, and records how much was forgotten of own blocks.
func (s *Store) forgetIDs(ctx context.Context, r store.Retention) error {
	since := s.clock.Now() - r.Remember.Milliseconds()
	for removed := int64(pruneMessages); removed == pruneMessages; {
		err := s.transaction(ctx, func(tx *sqlx.Tx) error {
			_, err := tx.ExecContext(ctx, `
				UPDATE running SET forgotten = max(forgotten, coalesce((
					SELECT max(b.newest) FROM (`+oldIDs+`) JOIN bodies b USING (body) JOIN chains c USING (chain)
					WHERE c.creator = coalesce((SELECT key FROM identity), c.creator)), -1))`, r.Messages, since, pruneMessages)
			if err != nil {
				return err
			}
			result, err := tx.ExecContext(ctx, `DELETE FROM bodies WHERE body IN (`+oldIDs+`)`, r.Messages, since, pruneMessages)
			if err != nil {
				return err
			}
			removed, err = result.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// oldIDs selects the bodies whose message IDs one transaction forgets.
const oldIDs = `SELECT body FROM bodies WHERE whole = 0 AND newest < ?1 AND arrived <= ?2 ORDER BY newest, body LIMIT ?3`

func (s *Store) transaction(ctx context.Context, change func(*sqlx.Tx) error) error {
	tx, err := s.writer.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := change(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Forgotten returns how much Prune has forgotten; see store.Store.
func (s *Store) Forgotten(ctx context.Context) (at int64, err error) {
	if err := s.reader.GetContext(ctx, &at, `SELECT forgotten FROM running`); err != nil {
		return 0, fmt.Errorf("load the time of forgotten messages: %w", err)
	}
	return at, nil
}

// shrink frees the file's unused pages and truncates the log.
func (s *Store) shrink(ctx context.Context) error {
	for {
		var pages, free int
		if err := s.writer.GetContext(ctx, &pages, `PRAGMA page_count`); err != nil {
			return err
		}
		if err := s.writer.GetContext(ctx, &free, `PRAGMA freelist_count`); err != nil {
			return err
		}
		if free == 0 || free <= pages/16 {
			break
		}
		if err := s.vacuum(ctx, min(prunePages, free-pages/16)); err != nil {
			return err
		}
	}
	return s.truncateLog(ctx)
}

// vacuum frees pages by moving pages from the end of the file into unused ones. Each step of the
// statement frees one page, so all its rows must be read.
func (s *Store) vacuum(ctx context.Context, pages int) error {
	rows, err := s.writer.QueryContext(ctx, fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, pages))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// truncateLog writes the log back into the file and truncates it. If a read still needs the log, it
// leaves the log to the next Prune rather than wait.
func (s *Store) truncateLog(ctx context.Context) error {
	conn, err := s.writer.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx = context.WithoutCancel(ctx)
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout = 0`); err != nil {
		return err
	}
	var busy, log, done int
	err = conn.QueryRowxContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &done)
	if _, restored := conn.ExecContext(ctx, `PRAGMA busy_timeout = `+busyTimeout); err == nil {
		err = restored
	}
	return err
}
