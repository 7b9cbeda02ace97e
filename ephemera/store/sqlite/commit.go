package sqlite

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/database"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// commitStatements are the statements of Commit, prepared once on the writing connection.
type commitStatements struct {
	addChain, chain, advance      *sqlx.Stmt
	vote, voted                   *sqlx.Stmt
	header, held, signature, body *sqlx.Stmt
	number                        *sqlx.Stmt
	messageIDs, messages, retains [len(rowCounts)]*sqlx.Stmt // of rowCounts rows each
	certify, certified            *sqlx.Stmt
	repairs                       repairStatements
	evidence, fork                *sqlx.Stmt
	group, numbered, close        *sqlx.Stmt
	running, countVotes           *sqlx.Stmt
}

// statementOf is a query, and where its prepared statement is kept.
type statementOf struct {
	to    **sqlx.Stmt
	query string
}

const saveRunning = `UPDATE running SET milliseconds = ?`

func (c *commitStatements) prepare(db *sqlx.DB) error {
	statements := []statementOf{
		{&c.addChain, `INSERT INTO chains (group_id, creator) VALUES (?, ?)`},
		{&c.chain, `SELECT chain, certified, delivered, coalesce((SELECT max(height) FROM certificates t WHERE t.chain = c.chain), 0) AS highest
			FROM chains c WHERE group_id = ? AND creator = ?`},
		{&c.advance, `UPDATE chains SET certified = ?, delivered = ? WHERE chain = ?`},
		{&c.vote, `INSERT INTO votes (chain, height, block_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`},
		{&c.voted, `SELECT block_id FROM votes WHERE chain = ? AND height = ?`},
		{&c.header, `INSERT INTO headers (block_id, chain, height, signed, header, crc) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`},
		{&c.held, `SELECT h.signed, coalesce(b.whole, 0) AS whole FROM headers h LEFT JOIN bodies b USING (block_id) WHERE h.block_id = ?`},
		{&c.signature, `UPDATE headers SET signed = 1, header = ?, crc = ? WHERE block_id = ?`},
		{&c.body, `INSERT INTO bodies (block_id, chain, height, arrived, newest, bytes, whole, leaves) VALUES (?, ?, ?, ?, ?, ?, 1, ?)
			ON CONFLICT (block_id) DO UPDATE SET whole = 1, arrived = excluded.arrived`},
		{&c.number, `SELECT coalesce(max(number), 0) FROM messages`},
		{&c.certify, `INSERT INTO certificates (chain, height, block_id, certificate, crc, arrived) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (chain, height) DO UPDATE SET certificate = excluded.certificate, crc = excluded.crc WHERE block_id = excluded.block_id`},
		{&c.certified, `SELECT block_id FROM certificates WHERE chain = ? AND height = ?`},
		{&c.evidence, `INSERT INTO evidence (chain, header_a, header_b) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`},
		{&c.fork, `INSERT INTO forks (chain, certificate_a, certificate_b) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`},
		{&c.group, `INSERT INTO groups (number, group_id, description) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`},
		{&c.numbered, `SELECT group_id FROM groups WHERE number = ?`},
		{&c.close, `UPDATE groups SET closed = 1 WHERE group_id = ?`},
		{&c.running, saveRunning},
		{&c.countVotes, `UPDATE vote_commits SET commits = commits + 1`},
	}
	for i, rows := range rowCounts {
		values := strings.Repeat(", (?, ?, ?)", rows)[2:]
		statements = append(statements,
			statementOf{&c.messageIDs[i], `INSERT INTO message_ids (message_id, number, bodies) VALUES ` + values + ` ON CONFLICT DO NOTHING`},
			statementOf{&c.messages[i], `INSERT INTO messages (number, message, crc) VALUES ` + values},
			statementOf{&c.retains[i], `UPDATE message_ids SET bodies = bodies + ? WHERE message_id IN (?` + strings.Repeat(", ?", rows-1) + `)`})
	}
	for _, s := range statements {
		statement, err := db.Preparex(s.query)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", s.query, err)
		}
		*s.to = statement
	}
	return c.repairs.prepare(db)
}

// unwritten adds ErrBusy or ErrFull to an error after which a transaction left nothing behind.
func (s *Store) unwritten(err error) error {
	switch diskfault.Of(err) {
	case diskfault.Locked:
		return fmt.Errorf("%w: %w", store.ErrBusy, database.NameHolders(err, s.path))
	case diskfault.Full:
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// Commit applies the writes in one transaction and returns after its fsync; see store.Store.
func (s *Store) Commit(ctx context.Context, writes []store.Write) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("begin commit: %w", err)
	}
	ctx = context.WithoutCancel(ctx) // a commit is short: once it began, let it finish
	tx, err := s.writer.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin commit: %w", s.unwritten(err))
	}
	now, due := s.clock.Due()
	c := commit{
		ctx: ctx, tx: tx, now: now, statements: &s.commits, bound: map[*sqlx.Stmt]*sqlx.Stmt{}, known: &s.known,
		counts: map[block.MessageID]int{}, whole: map[block.ID]bool{}, chains: map[chainKey]*chainRow{},
	}
	for _, w := range writes {
		if err := c.apply(w); err != nil {
			_ = tx.Rollback() // fails if SQLite already rolled back, as it does when the disk is full
			return fmt.Errorf("commit %T: %w", w, s.unwritten(err))
		}
	}
	if err := c.finish(); err != nil {
		_ = tx.Rollback()
		return fmt.Errorf("commit messages and chains: %w", s.unwritten(err))
	}
	if store.HoldVotes(writes) {
		if err := c.exec(c.statements.countVotes); err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("commit count of votes: %w", s.unwritten(err))
		}
	}
	if due {
		if err := c.exec(c.statements.running, now); err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("commit running time: %w", s.unwritten(err))
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", s.unwritten(err)) // the driver rolled back
	}
	if due {
		s.clock.Saved(now)
	}
	c.remember()
	return nil
}

// commit is the transaction of one Commit.
type commit struct {
	ctx        context.Context
	tx         *sqlx.Tx
	now        int64 // running time
	statements *commitStatements
	bound      map[*sqlx.Stmt]*sqlx.Stmt // prepared statement -> the same bound to the transaction
	known      *known
	messages   []block.Message         // in bodies of this transaction: finish writes them
	counts     map[block.MessageID]int // these bodies, of each message
	written    []block.MessageID       // messages that were written
	whole      map[block.ID]bool       // blocks that will join known.voted, or leave it
	number     int64                   // of the newest message, 0: not read yet
	chains     map[chainKey]*chainRow
	changed    []*chainRow // finish writes them
}

// bind returns a statement bound to the transaction.
func (c *commit) bind(statement *sqlx.Stmt) *sqlx.Stmt {
	bound, ok := c.bound[statement]
	if !ok {
		bound = c.tx.StmtxContext(c.ctx, statement)
		c.bound[statement] = bound
	}
	return bound
}

func (c *commit) exec(statement *sqlx.Stmt, args ...any) error {
	_, err := c.bind(statement).ExecContext(c.ctx, args...)
	return err
}

func (c *commit) get(dest any, statement *sqlx.Stmt, args ...any) error {
	return c.bind(statement).GetContext(c.ctx, dest, args...)
}

func (c *commit) apply(w store.Write) error {
	switch w := w.(type) {
	case store.PutVote:
		return c.vote(w)
	case store.PutCertified:
		return c.certify(w)
	case store.PutRepaired:
		return c.repair(w)
	case store.PutEvidence:
		chain, _, err := c.chainOf(w.Evidence.A.Header.Slot())
		if err != nil {
			return err
		}
		return c.exec(c.statements.evidence, chain.Chain, canonical.Encode(w.Evidence.A), canonical.Encode(w.Evidence.B))
	case store.PutFork:
		return c.fork(w.Fork)
	case store.PutDelivered:
		chain, height, err := c.chainOf(w.Slot)
		if err != nil {
			return err
		}
		if height > chain.Delivered {
			chain.Delivered = height
			c.changeChain(chain)
		}
		return nil
	case store.PutGroup:
		return c.group(w.Group)
	case store.PutClosed:
		return c.close(w.Group)
	default:
		return fmt.Errorf("unknown type of write %T", w)
	}
}

// vote checks and records a vote, whatever else is stored about the slot.
func (c *commit) vote(w store.PutVote) error {
	b := w.Block
	slot, id := b.Header.Slot(), b.ID()
	if b.Pruned() {
		return fmt.Errorf("vote for %s: %w", id.Short(), store.ErrPruned)
	}
	chain, height, err := c.chainOf(slot)
	if err != nil {
		return err
	}
	fresh, err := c.change(c.statements.vote, chain.Chain, height, id[:])
	if err != nil {
		return err
	}
	if !fresh {
		var voted []byte
		if err := c.get(&voted, c.statements.voted, chain.Chain, height); err != nil {
			return err
		}
		if string(voted) != string(id[:]) {
			return fmt.Errorf("%w: slot %s, block %x", store.ErrVoted, slot, voted)
		}
	}
	if w.Again {
		return c.replaceBlock(chain, height, b, id)
	}
	return c.putBlock(chain, height, b, id)
}

// putBlock stores the header and the messages of a block if they are not stored yet. Most blocks
// are stored by their vote, before they are certified.
func (c *commit) putBlock(chain *chainRow, height int64, b block.Block, id block.ID) error {
	if c.isWhole(id) {
		return nil
	}
	signed := b.Signature != keys.Signature{}
	whole, err := c.putHeader(chain, height, b.SignedHeader, id, signed)
	if err != nil || whole || len(b.Messages) == 0 {
		return err
	}
	for _, m := range b.Messages {
		c.retain(m)
	}
	all := leaves.Of(b)
	c.whole[id] = signed
	return c.exec(c.statements.body, id[:], chain.Chain, height, c.now, leaves.Newest(all), b.BodyBytes(), leaves.Encode(all))
}

// isWhole reports whether a block is known to be stored with all that a certified one has.
func (c *commit) isWhole(id block.ID) bool {
	whole, here := c.whole[id]
	return whole || !here && c.known.voted.Contains(id)
}

// putHeader stores a header, or the signature that the stored one lacks. It reports whether the
// messages of the block are stored.
func (c *commit) putHeader(chain *chainRow, height int64, b block.SignedHeader, id block.ID, signed bool) (whole bool, err error) {
	header := canonical.Encode(b)
	fresh, err := c.change(c.statements.header, id[:], chain.Chain, height, signed, header, checksum(header))
	if err != nil || fresh {
		return false, err
	}
	var held struct {
		Signed bool `db:"signed"`
		Whole  bool `db:"whole"`
	}
	if err := c.get(&held, c.statements.held, id[:]); err != nil {
		return false, err
	}
	if signed && !held.Signed {
		err = c.exec(c.statements.signature, header, checksum(header), id[:])
	}
	return held.Whole, err
}

// finish writes the messages that were retained, and the chains that changed.
func (c *commit) finish() error {
	if err := c.putMessages(); err != nil {
		return err
	}
	for _, row := range c.changed {
		if err := c.exec(c.statements.advance, row.Certified, row.Delivered, row.Chain); err != nil {
			return err
		}
	}
	return nil
}

// remember notes after the transaction what is stored now.
func (c *commit) remember() {
	for key, row := range c.chains {
		row.changed = false
		c.known.chains.Add(key, *row)
	}
	for _, id := range c.written {
		c.known.messages.Add(id, struct{}{})
	}
	for id, whole := range c.whole {
		if whole {
			c.known.voted.Add(id, struct{}{})
		} else {
			c.known.voted.Remove(id)
		}
	}
}

// change runs a statement and reports whether it changed a row.
func (c *commit) change(statement *sqlx.Stmt, args ...any) (bool, error) {
	result, err := c.bind(statement).ExecContext(c.ctx, args...)
	if err != nil {
		return false, err
	}
	changed, err := result.RowsAffected()
	return changed > 0, err
}

func (c *commit) certify(w store.PutCertified) error {
	slot, id := w.Block.Header.Slot(), w.Block.ID()
	chain, height, err := c.chainOf(slot)
	if err != nil {
		return err
	}
	if err := c.putBlock(chain, height, w.Block, id); err != nil {
		return err
	}
	proof := w.Certificate.Encode()
	written, err := c.change(c.statements.certify, chain.Chain, height, id[:], proof, checksum(proof), c.now)
	if err != nil {
		return err
	}
	if !written {
		certified, err := c.certifiedAt(chain, height)
		if err != nil {
			return err
		}
		return fmt.Errorf("%w: slot %s, block %s", store.ErrConflict, slot, certified)
	}
	c.whole[id] = false // Prune may remove the messages from now on
	return c.advance(chain, height)
}

func (c *commit) group(g *membership.Group) error {
	if g.Number() > math.MaxInt64 {
		return fmt.Errorf("group number %d is too large for the store, at most %d", g.Number(), math.MaxInt64)
	}
	number, id := int64(g.Number()), g.ID()
	if err := c.exec(c.statements.group, number, id[:], g.Encode()); err != nil {
		return err
	}
	var numbered []byte
	if err := c.get(&numbered, c.statements.numbered, number); err != nil {
		return err
	}
	if string(numbered) != string(id[:]) {
		return fmt.Errorf("%w: number %d belongs to %x, not to %s", store.ErrGroup, number, numbered, id)
	}
	return nil
}

func (c *commit) close(id membership.ID) error {
	changed, err := c.change(c.statements.close, id[:])
	if err == nil && !changed {
		err = fmt.Errorf("close group %s: %w", id, store.ErrNotFound)
	}
	return err
}
