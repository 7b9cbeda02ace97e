package rewards

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
)

// CoreContract is the part of client.Client that Cores uses.
type CoreContract interface {
	// Core returns the core of a settled epoch.
	Core(ctx context.Context, id contract.Epoch) (contract.Core, error)
}

// Cores keeps the core of each settled epoch as a file, so that the evidence survives a contract
// that loses or changes it. It takes a core from the contract, and only if it proves what this
// Nym-API has seen: the same description, and the same winner with the same block. Its methods are
// safe for concurrent use; Run is called once.
type Cores struct {
	Contract CoreContract
	Folder   string // created when the first core is written
	Keep     int    // number of the newest epochs of which the files are kept, at least 1
	Logger   *slog.Logger
}

// Extension of the files.
const coreExtension = ".core"

// CoreFile returns the name of the file with the core of an epoch, contract.Core.Encode.
func CoreFile(id contract.Epoch) string { return "epoch-" + id.String() + coreExtension }

// Load returns the encoded core of an epoch. The error wraps fs.ErrNotExist if it is not kept.
func (c *Cores) Load(id contract.Epoch) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(c.Folder, CoreFile(id)))
	if err != nil {
		return nil, fmt.Errorf("load core of epoch %d: %w", id, err)
	}
	return data, nil
}

// Run keeps the cores of the settled epochs in the calendar until ctx is done. What fails is logged
// and tried again, but for a core that does not prove what it should, which is asked for again
// after the next start.
func (c *Cores) Run(ctx context.Context, calendar Calendar) {
	done := map[contract.Epoch]bool{}
	for ctx.Err() == nil {
		changed := calendar.Changed()
		wait := idle
		if err := c.keepAll(ctx, calendar.Epochs(), done); err != nil && ctx.Err() == nil {
			c.Logger.WarnContext(ctx, "core not kept, trying again", "err", err)
			wait = tryAgain
		}
		pause(ctx, wait, changed)
	}
}

// keepAll writes the cores that are not done yet. Done holds only epochs of the calendar.
func (c *Cores) keepAll(ctx context.Context, entries []epoch.Entry, done map[contract.Epoch]bool) error {
	known, wrote := make(map[contract.Epoch]bool, len(entries)), contract.Epoch(0)
	for _, e := range entries {
		id := e.Description.Epoch
		known[id] = true
		if !e.Settled() || done[id] {
			continue
		}
		if err := c.keep(ctx, e); err != nil {
			return err
		}
		done[id], wrote = true, id
	}
	for id := range done {
		if !known[id] {
			delete(done, id)
		}
	}
	return c.prune(wrote)
}

// keep writes the core of an epoch unless there is a file of it.
func (c *Cores) keep(ctx context.Context, e epoch.Entry) error {
	id := e.Description.Epoch
	path := filepath.Join(c.Folder, CoreFile(id))
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	core, err := c.Contract.Core(ctx, id)
	if err != nil {
		return err
	}
	if err := proves(core, e); err != nil {
		c.Logger.ErrorContext(ctx, "the contract gave a core that does not prove what it settled", "epoch", id, "err", err)
		return nil
	}
	if err := os.MkdirAll(c.Folder, 0o755); err != nil {
		return err
	}
	if err := files.Replace(path, 0o644, core.Encode()); err != nil {
		return fmt.Errorf("write core of epoch %d: %w", id, err)
	}
	return nil
}

// proves returns an error unless the core is consistent and about what was seen of the epoch.
func proves(core contract.Core, seen epoch.Entry) error {
	audited, err := verify.Audit(core)
	if err != nil {
		return err
	}
	r, w := audited.Receipt, seen.Winner
	switch {
	case audited.Description.Hash() != seen.Hash:
		return fmt.Errorf("it is about description %s, expected %s", audited.Description.Hash(), seen.Hash)
	case core.Missed() != (w == nil):
		return fmt.Errorf("it says that the epoch was %s, it was %s", audited.Record.Status, seen.Status)
	case w != nil && (r.Submitter != w.Key || r.Block != w.Block || r.AcceptedAt != w.AcceptedAt):
		return fmt.Errorf("it is of winner %s with block %s at %s, expected %s with %s at %s", r.Submitter, r.Block.Short(), r.AcceptedAt, w.Key, w.Block.Short(), w.AcceptedAt)
	}
	return nil
}

// prune removes the files of epochs that are Keep or more before the newest one. A newest of 0
// removes nothing.
func (c *Cores) prune(newest contract.Epoch) error {
	keep := contract.Epoch(c.Keep)
	if newest <= keep {
		return nil
	}
	entries, err := os.ReadDir(c.Folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		number, found := strings.CutSuffix(strings.TrimPrefix(entry.Name(), "epoch-"), coreExtension)
		id, err := contract.ParseEpoch(number)
		if !found || err != nil || entry.Name() != CoreFile(id) || id > newest-keep {
			continue
		}
		if err := os.Remove(filepath.Join(c.Folder, entry.Name())); err != nil {
			return fmt.Errorf("remove an old core: %w", err)
		}
	}
	return nil
}
