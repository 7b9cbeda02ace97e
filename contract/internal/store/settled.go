package store

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Checks of the columns that repeat what the evidence of an epoch says. Each error wraps
// verify.ErrMismatch and names what differs.

// CheckSettled compares hashes and times of a settled epoch, the messages of its reporters, its
// list of mixnodes and its group with the evidence.
func (r *Reader) CheckSettled(ctx context.Context, a verify.Audited) error {
	epoch := a.Description.Epoch
	var row struct {
		Description string `db:"description_hash"`
		Settled     int64  `db:"settled_ms"`
		Record      string `db:"hash"`
		Rewards     string `db:"rewards"`
		List        int64  `db:"list"`
	}
	err := r.db.GetContext(ctx, &row, `SELECT e.description_hash, coalesce(e.settled_ms, -1) AS settled_ms, r.hash,
		coalesce(w.rewards, '') AS rewards, coalesce(w.list, 0) AS list
		FROM epoch e JOIN record r ON r.epoch = e.id LEFT JOIN winner w ON w.epoch = e.id WHERE e.id = ?`, int64(epoch))
	if err != nil {
		return fmt.Errorf("read epoch %d: %w", epoch, orNotFound(err))
	}
	rewards := ""
	if a.Record.Status == contract.StatusRewarded {
		rewards = a.Record.Rewards.String()
	}
	switch {
	case row.Record != a.Record.Hash().String():
		return fmt.Errorf("%w: the record is kept with hash %q, its hash is %s", verify.ErrMismatch, row.Record, a.Record.Hash())
	case row.Settled != int64(a.Record.SettledAt):
		return fmt.Errorf("%w: shown as settled at %d ms, the contract signed %d ms", verify.ErrMismatch, row.Settled, int64(a.Record.SettledAt))
	case row.Description != a.Description.Hash().String():
		return fmt.Errorf("%w: the description is kept with hash %q, its hash is %s", verify.ErrMismatch, row.Description, a.Description.Hash())
	case row.Rewards != rewards:
		return fmt.Errorf("%w: the rewards are kept with hash %q, the contract signed %q", verify.ErrMismatch, row.Rewards, rewards)
	}
	if err := r.checkGroup(ctx, a.Description.Group); err != nil {
		return err
	}
	if err := r.checkMessages(ctx, a); err != nil {
		return err
	}
	return r.checkList(ctx, row.List, a)
}

// checkGroup compares the group that is kept under a number with one of that number.
func (r *Reader) checkGroup(ctx context.Context, g *membership.Group) error {
	var kept []struct {
		ID      string `db:"id"`
		N       int    `db:"n"`
		F       int    `db:"f"`
		Q       int    `db:"q"`
		Encoded []byte `db:"encoded"`
	}
	if err := r.db.SelectContext(ctx, &kept, `SELECT id, n, f, q, encoded FROM member_group WHERE number = ?`, int64(g.Number())); err != nil {
		return fmt.Errorf("read group %d: %w", g.Number(), err)
	}
	if len(kept) != 1 || kept[0].ID != g.ID().String() || kept[0].N != g.N() || kept[0].F != g.F() || kept[0].Q != g.Q() || !bytes.Equal(kept[0].Encoded, g.Encode()) {
		return fmt.Errorf("%w: the group shown with number %d is not the one of the description, %s", verify.ErrMismatch, g.Number(), g.ID())
	}
	return nil
}

// checkMessages compares the messages that are named as the reports with those of the block.
func (r *Reader) checkMessages(ctx context.Context, a verify.Audited) error {
	var kept []string
	err := r.db.SelectContext(ctx, &kept, `SELECT message FROM reporter WHERE epoch = ? ORDER BY place`, int64(a.Description.Epoch))
	if err != nil {
		return fmt.Errorf("read reporters of epoch %d: %w", a.Description.Epoch, err)
	}
	if len(kept) != len(a.Reporters) {
		return fmt.Errorf("%w: %d reporters shown, the block has reports of %d", verify.ErrMismatch, len(kept), len(a.Reporters))
	}
	for i, reporter := range a.Reporters {
		if kept[i] != reporter.Message.String() {
			return fmt.Errorf("%w: the message shown of %s is not its report", verify.ErrMismatch, reporter.Key)
		}
	}
	return nil
}

// checkList compares the list of mixnodes with the columns of the matrix, which has none without
// Ephemera.
func (r *Reader) checkList(ctx context.Context, list int64, a verify.Audited) error {
	var kept []struct {
		Mixnode string `db:"mixnode"`
		Place   int    `db:"place"`
	}
	if list != 0 {
		if err := r.db.SelectContext(ctx, &kept, `SELECT mixnode, place FROM listing WHERE list = ? ORDER BY place`, list); err != nil {
			return fmt.Errorf("read list %d of mixnodes: %w", list, err)
		}
	}
	if len(kept) != len(a.Matrix.Mixnodes) {
		return fmt.Errorf("%w: list %d has %d mixnodes, the reports are about %d", verify.ErrMismatch, list, len(kept), len(a.Matrix.Mixnodes))
	}
	for i, mixnode := range a.Matrix.Mixnodes {
		if kept[i].Place != i || kept[i].Mixnode != string(mixnode) {
			return fmt.Errorf("%w: list %d has mixnode %s at place %d, expected %s at %d", verify.ErrMismatch, list, kept[i].Mixnode, kept[i].Place, mixnode, i)
		}
	}
	return nil
}

// CheckMembers compares the peer IDs of members with their keys, and their names with trusted ones.
// Members without a trusted name may have any.
func (r *Reader) CheckMembers(ctx context.Context, trusted map[keys.Public]string) error {
	var rows []struct {
		Key    string `db:"key"`
		Name   string `db:"name"`
		PeerID string `db:"peer_id"`
	}
	if err := r.db.SelectContext(ctx, &rows, `SELECT key, name, peer_id FROM member ORDER BY key`); err != nil {
		return fmt.Errorf("read members: %w", err)
	}
	for _, row := range rows {
		key, err := parseKey(row.Key)
		if err != nil {
			return err
		}
		if row.PeerID != key.PeerID() {
			return fmt.Errorf("%w: member %s is shown with peer ID %q, which is of another key", verify.ErrMismatch, key, row.PeerID)
		}
		if name, known := trusted[key]; known && row.Name != name {
			return fmt.Errorf("%w: member %s is shown as %q, the trusted name is %q", verify.ErrMismatch, key, row.Name, name)
		}
	}
	return nil
}

// CheckDeviations compares what is shown about reporters after an epoch with the state after it.
func (r *Reader) CheckDeviations(ctx context.Context, a verify.Audited, after contract.State) error {
	var kept []int64
	err := r.db.SelectContext(ctx, &kept, `SELECT r.deviation FROM reporter p JOIN report r ON r.id = 1000 * p.epoch + p.place WHERE p.epoch = ? ORDER BY p.place`,
		int64(a.Description.Epoch))
	if err != nil {
		return fmt.Errorf("read deviations of epoch %d: %w", a.Description.Epoch, err)
	}
	history := after.Metrics()
	for i, reporter := range a.Reporters {
		if want := history[reporter.Key.PeerID()]; i >= len(kept) || kept[i] != want {
			return fmt.Errorf("%w: the deviation shown of %s is not the recomputed one, %d", verify.ErrMismatch, reporter.Key, want)
		}
	}
	return nil
}

// CheckHistory compares the newest history of reporters with a recomputed state. It compares
// nothing if a later epoch was settled meanwhile.
func (r *Reader) CheckHistory(ctx context.Context, recomputed contract.State) error {
	kept, err := r.State(ctx)
	if err != nil || kept.Settled != recomputed.Settled {
		return err
	}
	if len(kept.History) != len(recomputed.History) {
		return fmt.Errorf("%w: the history shown has %d reporters, the reports give %d", verify.ErrMismatch, len(kept.History), len(recomputed.History))
	}
	for i, want := range recomputed.History {
		if kept.History[i] != want {
			return fmt.Errorf("%w: the history shown has deviation %d of %s, the reports give %d of %s",
				verify.ErrMismatch, kept.History[i].Squared, kept.History[i].Reporter, want.Squared, want.Reporter)
		}
	}
	return nil
}
