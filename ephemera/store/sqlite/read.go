package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/jmoiron/sqlx"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/store/internal/leaves"
)

// Load returns the state of a group from one snapshot; see store.Store.
func (s *Store) Load(ctx context.Context, group membership.ID) (store.State, error) {
	var state store.State
	err := s.view(ctx, func(v view) (err error) {
		state, err = v.load(group)
		return err
	})
	if err != nil {
		return store.State{}, fmt.Errorf("load group %s: %w", group, err)
	}
	return state, nil
}

// view reads from one snapshot, so that Prune cannot remove a block's messages while they are read.
type view struct {
	ctx     context.Context
	tx      *sqlx.Tx
	message *sqlx.Stmt
}

// view calls read with a snapshot of the store.
func (s *Store) view(ctx context.Context, read func(view) error) error {
	tx, err := s.reader.BeginTxx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing was written
	return read(view{ctx: ctx, tx: tx, message: tx.StmtxContext(ctx, s.message)})
}

// storedChain is a row of chains, with the ID of the block certified at its height.
type storedChain struct {
	Chain     int64  `db:"chain"`
	Creator   []byte `db:"creator"`
	Certified uint64 `db:"certified"`
	Delivered uint64 `db:"delivered"`
	Tip       []byte `db:"tip"`
}

func (v view) load(group membership.ID) (store.State, error) {
	var (
		state store.State
		rows  []storedChain
	)
	err := v.tx.SelectContext(v.ctx, &rows, `
		SELECT c.chain, c.creator, c.certified, c.delivered, t.block_id AS tip
		FROM chains c LEFT JOIN certificates t ON t.chain = c.chain AND t.height = c.certified
		WHERE c.group_id = ? AND (c.delivered > 0 OR EXISTS (SELECT 1 FROM headers h WHERE h.chain = c.chain))
		ORDER BY c.creator`, group[:])
	if err != nil {
		return state, err
	}
	for _, row := range rows {
		chain := store.Chain{Creator: keys.Public(row.Creator), Certified: row.Certified, Delivered: row.Delivered}
		if row.Tip != nil {
			chain.Tip = block.ID(row.Tip)
		}
		if err := v.openVotes(row, &chain); err != nil {
			return state, err
		}
		state.Chains = append(state.Chains, chain)
	}
	if state.Evidence, err = v.evidenceOf(group); err != nil {
		return state, err
	}
	state.Forks, err = v.forksOf(group)
	return state, err
}

// openVotes sets the chain's votes above its certified height.
func (v view) openVotes(row storedChain, chain *store.Chain) error {
	var rows []storedBlock
	err := v.tx.SelectContext(v.ctx, &rows, `
		SELECT v.block_id, v.height, h.header, h.crc AS header_crc, b.leaves
		FROM votes v LEFT JOIN headers h USING (block_id) LEFT JOIN bodies b ON b.block_id = v.block_id AND b.whole = 1
		WHERE v.chain = ? AND v.height > ? ORDER BY v.height`, row.Chain, int64(row.Certified))
	if err != nil {
		return err
	}
	for _, row := range rows {
		voted, err := v.block(row)
		switch {
		case errors.Is(err, store.ErrCorrupt):
			chain.Lost = append(chain.Lost, store.LostVote{Height: row.Height, Block: row.id(), Err: err})
		case err != nil:
			return err
		default:
			chain.Votes = append(chain.Votes, voted)
		}
	}
	return nil
}

func (v view) evidenceOf(group membership.ID) ([]store.Evidence, error) {
	var rows []storedEvidence
	err := v.tx.SelectContext(v.ctx, &rows, `
		SELECT e.header_a, e.header_b FROM evidence e JOIN chains c USING (chain) WHERE c.group_id = ? ORDER BY c.creator`, group[:])
	if err != nil {
		return nil, err
	}
	return decodeEvidence(rows)
}

// storedEvidence is a row of evidence.
type storedEvidence struct {
	A []byte `db:"header_a"`
	B []byte `db:"header_b"`
}

func decodeEvidence(rows []storedEvidence) ([]store.Evidence, error) {
	var all []store.Evidence
	for _, row := range rows {
		var e store.Evidence
		if err := canonical.DecodeStored(row.A, &e.A); err != nil {
			return nil, store.Corruptf("decode stored evidence: %w", err)
		}
		if err := canonical.DecodeStored(row.B, &e.B); err != nil {
			return nil, store.Corruptf("decode stored evidence: %w", err)
		}
		all = append(all, e)
	}
	return all, nil
}

// storedBlock is a row of headers, with the leaves of its body if that is whole. The queries of
// certified blocks (certifiedRows) also set the other fields.
type storedBlock struct {
	Block       []byte `db:"block_id"`
	Sequence    uint64 `db:"sequence"`
	Height      uint64 `db:"height"`
	Bytes       int    `db:"bytes"`
	Header      []byte `db:"header"`
	Leaves      []byte `db:"leaves"`
	Certificate []byte `db:"certificate"`
	HeaderSum   *int64 `db:"header_crc"`
	ProofSum    *int64 `db:"certificate_crc"`
}

func (r storedBlock) id() block.ID { return block.ID(r.Block) } // the schema checks the length

// block decodes the header, loads the messages, and checks that they are those of the header. The
// error is a *store.CorruptError or one of the database.
func (v view) block(r storedBlock) (block.Block, error) {
	b, err := v.unchecked(r)
	if err == nil {
		err = store.CheckBody(r.id(), b)
	}
	if errors.Is(err, store.ErrCorrupt) {
		err = store.Corrupt(r.id(), err)
	}
	if err != nil {
		return block.Block{}, err
	}
	return b, nil
}

// header decodes and checks the header.
func (r storedBlock) header() (signed block.SignedHeader, err error) {
	if r.Header == nil {
		return signed, store.Corruptf("its header is missing")
	}
	if err := checkSum(r.Header, r.HeaderSum); err != nil {
		return signed, store.Corruptf("read stored header: %w", err)
	}
	if err := canonical.DecodeStored(r.Header, &signed); err != nil {
		return signed, store.Corruptf("decode stored header: %w", err)
	}
	return signed, store.CheckHeader(r.id(), signed.Header)
}

// unchecked is block without the check of the messages.
func (v view) unchecked(r storedBlock) (block.Block, error) {
	var b block.Block
	var err error
	if b.SignedHeader, err = r.header(); err != nil {
		return b, err
	}
	all, err := leaves.Decode(r.Leaves)
	if err != nil {
		return b, err
	}
	b.Messages = make([]block.Message, 0, len(all))
	for _, leaf := range all {
		var row struct {
			Message []byte `db:"message"`
			Sum     *int64 `db:"crc"`
		}
		err := v.message.GetContext(v.ctx, &row, leaf.ID[:])
		if errors.Is(err, sql.ErrNoRows) {
			return b, store.CorruptBody(r.id(), b.SignedHeader, fmt.Errorf("its message %s is missing", leaf.ID))
		}
		if err != nil {
			return b, fmt.Errorf("load stored message %s: %w", leaf.ID, err)
		}
		m, err := block.DecodeMessage(row.Message, membership.MaxLimits().PayloadBytes)
		if err == nil {
			err = checkSum(row.Message, row.Sum)
		}
		if err != nil {
			return b, store.CorruptBody(r.id(), b.SignedHeader, fmt.Errorf("read stored message %s: %w", leaf.ID, err))
		}
		b.Messages = append(b.Messages, m)
	}
	return b, nil
}

// proof decodes the certificate.
func (r storedBlock) proof() (certificate.Certificate, error) {
	if err := checkSum(r.Certificate, r.ProofSum); err != nil {
		return certificate.Certificate{}, err
	}
	// No limit is needed here: the certificate's size was checked before it was stored.
	return certificate.Decode(r.Certificate, len(r.Certificate))
}

// certified returns a certified block, checked. slot is its slot, or zero if that is not known.
func (v view) certified(r storedBlock, slot block.Slot) (store.Certified, error) {
	id := r.id()
	proof, broken := r.proof()
	b, err := v.block(r)
	switch {
	case err != nil:
	case broken != nil:
		err = store.Corrupt(id, fmt.Errorf("read stored certificate: %w", broken))
	default:
		err = store.CheckCertificate(id, b.SignedHeader, proof)
	}
	switch {
	case err != nil && broken != nil:
		return store.Certified{}, store.Locate(err, slot, r.Sequence, nil)
	case err != nil:
		return store.Certified{}, store.Locate(err, slot, r.Sequence, &proof)
	}
	return store.Certified{Block: b, Certificate: proof}, nil
}

// certifiedRows selects every certified block as a storedBlock. Append a condition.
const certifiedRows = `
	SELECT t.block_id, t.sequence, t.height, coalesce(b.bytes, length(h.header), 0) AS bytes, h.header, h.crc AS header_crc, b.leaves,
		t.certificate, t.crc AS certificate_crc
	FROM certificates t LEFT JOIN headers h ON h.block_id = t.block_id LEFT JOIN bodies b ON b.block_id = t.block_id AND b.whole = 1 `

// notFound replaces sql.ErrNoRows by store.ErrNotFound.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// Block returns a stored block; see store.Store.
func (s *Store) Block(ctx context.Context, id block.ID) (found block.Block, err error) {
	err = s.view(ctx, func(v view) error {
		var row storedBlock
		err := v.tx.GetContext(ctx, &row, `
			SELECT h.block_id, h.header, h.crc AS header_crc, b.leaves, coalesce(t.certificate, x'') AS certificate, t.crc AS certificate_crc
			FROM headers h LEFT JOIN bodies b ON b.block_id = h.block_id AND b.whole = 1 LEFT JOIN certificates t ON t.block_id = h.block_id
			WHERE h.block_id = ?`, id[:])
		if err != nil {
			return notFound(err)
		}
		if found, err = v.block(row); err == nil && found.Pruned() {
			return store.ErrPruned
		}
		if proof, broken := row.proof(); err != nil && broken == nil {
			err = store.Locate(err, block.Slot{}, 0, &proof)
		}
		return err
	})
	if err != nil {
		return block.Block{}, fmt.Errorf("load block %s: %w", id.Short(), err)
	}
	return found, nil
}

// CertifiedByID returns a certified block; see store.Store.
func (s *Store) CertifiedByID(ctx context.Context, id block.ID) (found store.Certified, err error) {
	err = s.view(ctx, func(v view) error {
		var row storedBlock
		if err := v.tx.GetContext(ctx, &row, certifiedRows+`WHERE t.block_id = ?`, id[:]); err != nil {
			return notFound(err)
		}
		row.Sequence = 0
		found, err = v.certified(row, block.Slot{})
		return err
	})
	if err != nil {
		return store.Certified{}, fmt.Errorf("load certified block %s: %w", id.Short(), err)
	}
	return found, nil
}

// Certified returns the certified block of a slot; see store.Store.
func (s *Store) Certified(ctx context.Context, slot block.Slot) (store.Certified, error) {
	found, err := s.CertifiedFrom(ctx, slot, 1, 0)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("load certified block of slot %s: %w", slot, store.ErrNotFound)
	}
	if err != nil {
		return store.Certified{}, err
	}
	return found[0], nil
}

// Header returns the header of a certified block; see store.Store.
func (s *Store) Header(ctx context.Context, slot block.Slot) (block.SignedHeader, error) {
	var row storedBlock
	err := s.reader.GetContext(ctx, &row, `
		SELECT t.block_id, h.header, h.crc AS header_crc FROM certificates t LEFT JOIN headers h ON h.block_id = t.block_id
		WHERE t.chain = (SELECT chain FROM chains WHERE group_id = ? AND creator = ?) AND t.height = ?`,
		slot.Group[:], slot.Creator[:], int64(min(slot.Height, math.MaxInt64)))
	if err != nil {
		return block.SignedHeader{}, fmt.Errorf("load header of slot %s: %w", slot, notFound(err))
	}
	signed, err := row.header()
	if errors.Is(err, store.ErrCorrupt) {
		err = store.Locate(store.Corrupt(row.id(), err), slot, 0, nil)
	}
	if err != nil {
		return block.SignedHeader{}, fmt.Errorf("load header of slot %s: %w", slot, err)
	}
	return signed, nil
}

// CertifiedFrom returns consecutive blocks of a chain; see store.Store.
func (s *Store) CertifiedFrom(ctx context.Context, from block.Slot, count, bytes int) ([]store.Certified, error) {
	if count <= 0 || from.Height > math.MaxInt64 {
		return nil, nil
	}
	var found []store.Certified
	err := s.view(ctx, func(v view) error {
		rows, err := v.consecutive(from, count, bytes)
		if err != nil {
			return err
		}
		for i, row := range rows {
			slot := from
			slot.Height += uint64(i)
			row.Sequence = 0
			next, err := v.certified(row, slot)
			if len(found) > 0 && errors.Is(err, store.ErrCorrupt) {
				return nil // the next read begins with it and reports it
			}
			if err != nil {
				return err
			}
			found = append(found, next)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load certified blocks from slot %s: %w", from, err)
	}
	return found, nil
}

// consecutive returns the rows of consecutive blocks of a chain, within the bounds of
// CertifiedFrom.
func (v view) consecutive(from block.Slot, count, bytes int) ([]storedBlock, error) {
	rows, err := v.tx.QueryxContext(v.ctx, certifiedRows+`
		WHERE t.chain = (SELECT chain FROM chains WHERE group_id = ? AND creator = ?) AND t.height >= ? ORDER BY t.height LIMIT ?`,
		from.Group[:], from.Creator[:], int64(from.Height), count)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var (
		found []storedBlock
		total int
	)
	for rows.Next() {
		var row storedBlock
		if err := rows.StructScan(&row); err != nil {
			return nil, err
		}
		total += row.Bytes
		gap := row.Height != from.Height+uint64(len(found))
		if gap || len(found) > 0 && total > bytes {
			break
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

// Groups returns the recorded groups; see store.Store.
func (s *Store) Groups(ctx context.Context) ([]store.Group, error) {
	var rows []struct {
		Closed      bool   `db:"closed"`
		Description []byte `db:"description"`
	}
	if err := s.reader.SelectContext(ctx, &rows, `SELECT closed, description FROM groups ORDER BY number`); err != nil {
		return nil, fmt.Errorf("load groups: %w", err)
	}
	var groups []store.Group
	for _, row := range rows {
		group, err := membership.DecodeStoredGroup(row.Description)
		if err != nil {
			return nil, fmt.Errorf("load groups: %w", store.Corruptf("decode stored group: %w", err))
		}
		groups = append(groups, store.Group{Group: group, Closed: row.Closed})
	}
	return groups, nil
}

// storedIdentity is the row of identity.
type storedIdentity struct {
	Network      string `db:"network"`
	Key          []byte `db:"key"`
	Starts       uint64 `db:"starts"`
	MutedThrough uint64 `db:"muted_through"`
	Votes        uint64 `db:"commits"`
}

// Identity returns whose store this is; see store.Store.
func (s *Store) Identity(ctx context.Context) (store.Identity, error) {
	var row storedIdentity
	if err := s.reader.GetContext(ctx, &row, `SELECT network, key, starts, muted_through, commits FROM identity CROSS JOIN vote_commits`); err != nil {
		return store.Identity{}, fmt.Errorf("load identity: %w", notFound(err))
	}
	return store.Identity{
		Network: row.Network, Key: keys.Public(row.Key), Starts: row.Starts, MutedThrough: row.MutedThrough, Votes: row.Votes,
	}, nil
}

// SetIdentity durably writes whose store this is; see store.Store.
func (s *Store) SetIdentity(ctx context.Context, identity store.Identity) error {
	err := s.patience().Try(ctx, func() error {
		tx, err := s.writer.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		if err := setIdentity(ctx, tx, identity); err != nil {
			_ = tx.Rollback()
			return err
		}
		return tx.Commit()
	})
	if err != nil {
		return fmt.Errorf("write identity: %w", s.unwritten(err))
	}
	return nil
}

func setIdentity(ctx context.Context, tx *sqlx.Tx, identity store.Identity) error {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO identity (one, network, key, starts, muted_through) VALUES (1, ?, ?, ?, ?)
		ON CONFLICT (one) DO UPDATE SET starts = excluded.starts, muted_through = excluded.muted_through
		WHERE network = excluded.network AND key = excluded.key`,
		identity.Network, identity.Key[:], identity.Starts, identity.MutedThrough)
	if err != nil {
		return err
	}
	if changed, err := result.RowsAffected(); err != nil || changed == 0 {
		return errors.Join(err, store.ErrForeign)
	}
	_, err = tx.ExecContext(ctx, `UPDATE vote_commits SET commits = max(commits, ?)`, identity.Votes)
	return err
}
