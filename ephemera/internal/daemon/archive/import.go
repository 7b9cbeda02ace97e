package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

var (
	// ErrUntrusted reports a group that the caller does not trust. Anybody can create a group and sign
	// its blocks.
	ErrUntrusted = errors.New("archive contains a group that is not trusted")
	// ErrOwn reports a block that carries a signature of the node's own key but is not in the node's
	// store: either another node uses the key, or the store does not belong to it. A running node that
	// received such a block would halt (PROTOCOL.md R8).
	ErrOwn = errors.New("archive contains a block that this node signed but does not know")
)

// Options describe the importing node and what it trusts.
type Options struct {
	Network string
	Self    keys.Public
	// MutedThrough is the highest group number in which the node must no longer sign. What it signed
	// in those groups may be missing in its store.
	MutedThrough uint64
	// Trusted reports whether the caller trusts a group. It is not called for groups that are in the
	// store, which are trusted. nil trusts no other group.
	Trusted func(*membership.Group) bool
}

// Import verifies an archive and commits to a store what it does not contain, and what is damaged
// there. It commits some blocks at a time: after an error, verified blocks may be in the store, and
// a repeated Import continues after them. No node may use the store meanwhile.
//
// A block that cannot be decoded or fails verification is left out, and so is what follows the
// place where the archive is damaged between its records. The rest is imported, and the error is an
// *IncompleteError then, or wraps ErrInvalid. It unwraps to block.ErrInvalid or
// certificate.ErrInvalid for a block that fails verification. Other errors end the import:
// ErrUntrusted or ErrOwn.
//
// A second block of a certified slot is left out, and so is what follows on its chain. The proof of
// the fork is stored. Its error wraps store.ErrConflict.
func Import(ctx context.Context, from io.Reader, to store.Store, options Options) (Summary, error) {
	i := importer{Options: options, store: to, groups: map[membership.ID]store.Group{}, pending: map[block.Slot]store.Certified{}}
	known, err := to.Groups(ctx)
	if err != nil {
		return i.summary, fmt.Errorf("load groups: %w", err)
	}
	for _, g := range known {
		i.groups[g.Group.ID()] = g
	}
	reader := NewReader(from)
	for {
		record, err := reader.Next()
		if err == nil {
			err = i.record(ctx, record)
		}
		var broken *recordError
		switch {
		case errors.Is(err, io.EOF):
			err = i.flush(ctx)
			return i.summary, errors.Join(err, incomplete(i.left))
		case errors.As(err, &broken):
			i.left = append(i.left, broken)
			err = nil
		case errors.Is(err, ErrInvalid):
			return i.summary, errors.Join(err, incomplete(i.left), i.flush(ctx))
		}
		if err == nil && (len(i.writes) >= pageBlocks || i.bytes >= pageBytes) {
			err = i.flush(ctx)
		}
		if err != nil {
			return i.summary, err
		}
	}
}

// record takes a record. It leaves out a block that fails verification.
func (i *importer) record(ctx context.Context, record Record) error {
	if record.Group != nil {
		return i.group(record.Group)
	}
	c := record.Certified
	if err := i.verify(c); err != nil {
		i.left = append(i.left, fmt.Errorf("block %s of slot %s: %w", c.Block.ID(), c.Block.Header.Slot(), err))
		return nil
	}
	return i.block(ctx, c)
}

type importer struct {
	Options
	store   store.Store
	groups  map[membership.ID]store.Group  // trusted
	writes  []store.Write                  // not committed yet
	bytes   int                            // size of the blocks in writes
	pending map[block.Slot]store.Certified // those of writes
	stopped map[block.Slot]bool            // chains with a fork; nil: not loaded yet
	left    []error                        // what is wrong with the blocks that are left out
	summary Summary
}

func (i *importer) group(group *membership.Group) error {
	if _, known := i.groups[group.ID()]; known {
		return nil
	}
	switch {
	case group.Network() != i.Network:
		return fmt.Errorf("%w: group %d belongs to network %q, this node to %q", ErrInvalid, group.Number(), group.Network(), i.Network)
	case i.Trusted == nil || !i.Trusted(group):
		return fmt.Errorf("%w: group %d with ID %s (compare the ID with the one that you know, then pass it with --group)", ErrUntrusted, group.Number(), group.ID())
	}
	i.groups[group.ID()] = store.Group{Group: group}
	i.writes = append(i.writes, store.PutGroup{Group: group})
	i.summary.Groups++
	return nil
}

// block takes a verified block of a trusted group.
func (i *importer) block(ctx context.Context, c store.Certified) error {
	held, err := i.store.CertifiedByID(ctx, c.Block.ID())
	switch {
	case err == nil && (c.Block.Pruned() || !held.Block.Pruned()):
		i.summary.Known++
		return nil
	case errors.Is(err, store.ErrCorrupt) && c.Block.Pruned():
		i.summary.Known++ // a node may still fetch the messages
		return nil
	case errors.Is(err, store.ErrCorrupt):
		i.put(store.PutRepaired(c), c)
		return nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("look up block %s: %w", c.Block.ID(), err)
	case err != nil:
		if known, err := i.fork(ctx, c); err != nil || known {
			return err
		}
		if err := i.checkOwn(ctx, i.groups[c.Block.Header.Group], c); err != nil {
			return err
		}
	}
	i.put(store.PutCertified(c), c)
	return nil
}

// put adds a write of a block to the next commit.
func (i *importer) put(w store.Write, c store.Certified) {
	i.writes = append(i.writes, w)
	i.pending[c.Block.Header.Slot()] = c
	i.bytes += c.Bytes()
	i.summary.count(c)
}

// verify verifies a block in its group.
func (i *importer) verify(c store.Certified) error {
	g, known := i.groups[c.Block.Header.Group]
	if !known {
		return fmt.Errorf("%w: it comes before its group %s", ErrInvalid, c.Block.Header.Group)
	}
	return verify(g.Group, c)
}

// verify verifies a block, with or without its messages, and its certificate.
func verify(group *membership.Group, c store.Certified) error {
	if !c.Block.Pruned() {
		return certificate.VerifyBlock(group, c.Block, c.Certificate)
	}
	if c.Certificate.Slot != c.Block.Header.Slot() || c.Certificate.Block != c.Block.ID() {
		return fmt.Errorf("%w: it certifies another block", certificate.ErrInvalid)
	}
	if err := c.Block.Header.Check(group); err != nil {
		return err
	}
	if !c.Block.SignedHeader.Verify() {
		return fmt.Errorf("%w: the header is not signed by its creator", block.ErrInvalid)
	}
	return c.Certificate.Verify(group)
}

// checkOwn returns ErrOwn if the node created or echoed the block, its store does not hold it, and
// the node still signs in the block's group.
func (i *importer) checkOwn(ctx context.Context, g store.Group, c store.Certified) error {
	index, member := g.Group.Index(i.Self)
	if !member || g.Closed || g.Group.Number() <= i.MutedThrough {
		return nil
	}
	if c.Block.Header.Creator != i.Self && !c.Certificate.Signed(index) {
		return nil
	}
	_, err := i.store.Block(ctx, c.Block.ID())
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: block %s of slot %s (find out whether another node uses this key, or the store was replaced)", ErrOwn, c.Block.ID(), c.Block.Header.Slot())
	}
	if errors.Is(err, store.ErrPruned) || errors.Is(err, store.ErrCorrupt) { // the store knows it
		return nil
	}
	return err
}

func (i *importer) flush(ctx context.Context) error {
	if len(i.writes) == 0 {
		return nil
	}
	if err := i.store.Commit(ctx, i.writes); err != nil {
		return fmt.Errorf("commit imported blocks: %w", err)
	}
	i.writes, i.bytes = nil, 0
	clear(i.pending)
	return nil
}
