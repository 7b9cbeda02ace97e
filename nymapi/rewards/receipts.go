package rewards

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
)

// ReceiptContract is the part of client.Client that Receipts uses.
type ReceiptContract interface {
	// Receipt returns the receipt of a rewarded epoch. If the contract has none the error is
	// contract.NotFound.
	Receipt(ctx context.Context, id contract.Epoch) (contract.Receipt, error)
}

// ErrForeignReceipt reports a receipt that the contract did not sign for the epoch.
var ErrForeignReceipt = errors.New("the contract did not sign this receipt")

// ReceiptsConfig is what Receipts needs. All fields are required.
type ReceiptsConfig struct {
	Network  string
	Key      keys.Public // of the contract
	Contract ReceiptContract
	Store    *Store
	Folder   string // where proofs are written, see ProofFile
	Logger   *slog.Logger
}

// Receipts keeps the receipts that the contract gives this Nym-API, and reads those of rewarded
// epochs again later. It notices a contract that signs two receipts for one epoch, and one that no
// longer has a receipt that it gave. Its methods are safe for concurrent use; Run is called once.
type Receipts struct {
	config ReceiptsConfig
	counts atomic.Pointer[ReceiptCounts]
}

// NewReceipts returns the receipts in the store. It writes the proofs whose files are missing.
func NewReceipts(ctx context.Context, config ReceiptsConfig) (*Receipts, error) {
	r := &Receipts{config: config}
	if err := r.count(ctx); err != nil {
		return nil, err
	}
	proofs, err := r.config.Store.Equivocations(ctx)
	if err != nil {
		return nil, err
	}
	for _, proof := range proofs {
		r.writeProof(ctx, proof)
	}
	if len(proofs) > 0 {
		r.config.Logger.WarnContext(ctx, "the contract has signed two receipts for one epoch", "contract", r.config.Key, "epochs", r.Counts().Equivocations)
	}
	return r, nil
}

// ProofFile returns the name of the file with the proof, a contract.Equivocation in JSON, that the
// contract signed two receipts for an epoch.
func ProofFile(id contract.Epoch) string { return fmt.Sprintf("equivocation-epoch-%d.json", id) }

// Counts returns the number of kept receipts, and what was noticed about them.
func (r *Receipts) Counts() ReceiptCounts { return *r.counts.Load() }

func (r *Receipts) count(ctx context.Context) error {
	counts, err := r.config.Store.ReceiptCounts(ctx)
	if err != nil {
		return err
	}
	r.counts.Store(&counts)
	return nil
}

// Take keeps a receipt that the contract gave for an epoch, and compares it with the one that is
// kept. The first contradiction in an epoch is logged, and written as a proof. The error is
// ErrForeignReceipt, or of the database.
func (r *Receipts) Take(ctx context.Context, id contract.Epoch, given contract.Receipt) error {
	if given.Network != r.config.Network || given.Contract != r.config.Key || given.Epoch != id || !given.Verify() {
		return fmt.Errorf("%w: it is for epoch %d of contract %s", ErrForeignReceipt, given.Epoch, given.Contract)
	}
	proof, err := r.config.Store.KeepReceipt(ctx, given)
	if err != nil {
		return err
	}
	if err := r.count(ctx); err != nil || proof == nil {
		return err
	}
	r.config.Logger.ErrorContext(ctx, "the contract signed two receipts for one epoch", "epoch", id, "contract", r.config.Key,
		"first", describeReceipt(proof.First), "second", describeReceipt(proof.Second), "proof", r.writeProof(ctx, *proof))
	return nil
}

func describeReceipt(r contract.Receipt) string {
	return fmt.Sprintf("at %s for %s, block %s, rewards %s", r.AcceptedAt, r.Submitter.Short(), r.Block.Short(), r.Rewards.Short())
}

// writeProof writes a proof unless there is a file for it, and returns the path. It returns "" for
// a proof that is not written: one beyond maxProofs, or after an error, until the next start.
func (r *Receipts) writeProof(ctx context.Context, proof contract.Equivocation) string {
	if r.Counts().Equivocations > maxProofs {
		return ""
	}
	path := filepath.Join(r.config.Folder, ProofFile(proof.First.Epoch))
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return path
	}
	content, err := json.MarshalIndent(proof, "", "  ")
	if err == nil {
		err = files.Replace(path, 0o644, append(content, '\n'))
	}
	if err != nil {
		r.config.Logger.ErrorContext(ctx, "proof not written, trying again at the next start", "epoch", proof.First.Epoch, "path", path, "err", err)
		return ""
	}
	return path
}

// rereads is how often the receipt of an epoch is read again: 1, 2, 4, 8 and 16 epochs after the
// time before. The last time is 31 epochs after the first.
const rereads = 5

// reading says when the receipt of an epoch is read.
type reading struct {
	of   contract.Description
	next time.Time // zero: not again
	done int
}

// Run reads the receipts of the rewarded epochs in the calendar, and reads them again later, until
// ctx is done. It returns only errors of the database.
func (r *Receipts) Run(ctx context.Context, calendar Calendar) error {
	plan := map[contract.Epoch]*reading{}
	for {
		changed := calendar.Changed()
		update(plan, calendar.Epochs())
		wait, err := r.step(ctx, plan)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		pause(ctx, wait, changed)
	}
}

// update makes a plan hold exactly the rewarded epochs of the calendar.
func update(plan map[contract.Epoch]*reading, entries []epoch.Entry) {
	rewarded := make(map[contract.Epoch]bool, len(entries))
	for _, e := range entries {
		id := e.Description.Epoch
		rewarded[id] = e.Winner != nil
		if rewarded[id] && plan[id] == nil {
			plan[id] = &reading{of: e.Description, next: time.Now()}
		}
	}
	for id := range plan {
		if !rewarded[id] {
			delete(plan, id)
		}
	}
}

// step reads what is due, the longest due first, and returns the time until the next step. After an
// error of the contract the rest waits.
func (r *Receipts) step(ctx context.Context, plan map[contract.Epoch]*reading) (time.Duration, error) {
	for {
		first := earliest(plan)
		if first == nil {
			return idle, nil
		}
		if wait := time.Until(first.next); wait > 0 {
			return wait, nil
		}
		if away, err := r.read(ctx, first); away || err != nil {
			return tryAgain, err
		}
	}
}

// earliest returns the reading that is due first, nil if none will be.
func earliest(plan map[contract.Epoch]*reading) *reading {
	var first *reading
	for _, p := range plan {
		if !p.next.IsZero() && (first == nil || p.next.Before(first.next)) {
			first = p
		}
	}
	return first
}

// read reads the receipt of an epoch, and plans when to do so again. It reports whether the
// contract gave no usable answer, and returns only errors of the database.
func (r *Receipts) read(ctx context.Context, p *reading) (away bool, err error) {
	const least = 20 * time.Millisecond
	id, duration := p.of.Epoch, max(p.of.End.Sub(p.of.Start), least)
	receipt, err := r.config.Contract.Receipt(ctx, id)
	switch {
	case err == nil:
	case hasNoReceipt(err, id):
		p.next = time.Now().Add(duration)
		return false, r.withdraw(ctx, id)
	default:
		p.next = time.Now().Add(max(duration, tryAgain))
		return true, nil
	}
	err = r.Take(ctx, id, receipt)
	if errors.Is(err, ErrForeignReceipt) {
		r.config.Logger.WarnContext(ctx, "receipt ignored", "epoch", id, "err", err)
		p.next = time.Now().Add(duration)
		return false, nil
	}
	p.done++
	p.next = time.Now().Add(duration << (p.done - 1))
	if p.done > rereads {
		p.next = time.Time{}
	}
	return false, err
}

// hasNoReceipt reports whether the contract says that it has no receipt for the epoch, and not that
// it does not know the request.
func hasNoReceipt(err error, id contract.Epoch) bool {
	var problem *contract.Problem
	return errors.As(err, &problem) && problem.Kind() == contract.NotFound && problem.Epoch == id
}

// withdraw notes that the contract does not have a receipt, and logs it once for each epoch whose
// receipt is kept.
func (r *Receipts) withdraw(ctx context.Context, id contract.Epoch) error {
	news, err := r.config.Store.WithdrawReceipt(ctx, id)
	if err != nil || !news {
		return err
	}
	r.config.Logger.ErrorContext(ctx, "the contract no longer has a receipt that it gave: its database is probably an older copy", "epoch", id, "contract", r.config.Key)
	return r.count(ctx)
}
