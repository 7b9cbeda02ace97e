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
	// ErrUntrusted reports a group that the caller does not trust: whoever made the file may have made
	// the group.
	ErrUntrusted = errors.New("archive holds a group that is not trusted")
	// ErrOwn reports something that is signed with the node's own key and that its store does not
	// know: the key is used elsewhere, or the store is not the one that belongs to it. A node that met
	// it while it runs would halt.
	ErrOwn = errors.New("archive holds what this node signed and does not know of")
)

// Options say into what Import imports.
type Options struct {
	Network string
	Self    keys.Public
	// MutedThrough is the highest group number in which the node signs nothing any more: what it
	// signed there may be unknown.
	MutedThrough uint64
	// Trusted tells whether a group is what the caller knows under its number. Groups that the store
	// has are trusted.
	Trusted func(*membership.Group) bool
}

// Import verifies an archive and commits what the store does not have, some blocks at a time: after
// an error the blocks before it are there, and a repeated Import goes on. It has the store to
// itself. Errors: ErrInvalid, ErrUntrusted, ErrOwn, what block and certificate say of bad
// signatures, and store.ErrConflict for a second block of a certified slot.
func Import(ctx context.Context, from io.Reader, to store.Store, options Options) (Summary, error) {
	i := importer{Options: options, store: to, groups: map[membership.ID]store.Group{}}
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
		if errors.Is(err, io.EOF) {
			return i.summary, i.flush(ctx)
		}
		if err == nil && record.Group != nil {
			err = i.group(record.Group)
		} else if err == nil {
			err = i.block(ctx, record.Certified)
		}
		if err == nil && (len(i.writes) >= pageBlocks || i.bytes >= pageBytes) {
			err = i.flush(ctx)
		}
		if err != nil {
			return i.summary, err
		}
	}
}

type importer struct {
	Options
	store   store.Store
	groups  map[membership.ID]store.Group // trusted
	writes  []store.Write
	bytes   int
	summary Summary
}

func (i *importer) group(group *membership.Group) error {
	if _, known := i.groups[group.ID()]; known {
		return nil
	}
	switch {
	case group.Network() != i.Network:
		return fmt.Errorf("%w: group %d is of network %q, this node's is %q", ErrInvalid, group.Number(), group.Network(), i.Network)
	case i.Trusted == nil || !i.Trusted(group):
		return fmt.Errorf("%w: group %d, %s; compare it with the one that you know, then name it with --group", ErrUntrusted, group.Number(), group.ID())
	}
	i.groups[group.ID()] = store.Group{Group: group}
	i.writes = append(i.writes, store.PutGroup{Group: group})
	i.summary.Groups++
	return nil
}

func (i *importer) block(ctx context.Context, c store.Certified) error {
	header := c.Block.Header
	g, known := i.groups[header.Group]
	if !known {
		return fmt.Errorf("%w: block %s comes before its group %s", ErrInvalid, c.Block.ID(), header.Group)
	}
	if err := verify(g.Group, c); err != nil {
		return fmt.Errorf("block %s of %s: %w", c.Block.ID(), header.Slot(), err)
	}
	held, err := i.store.CertifiedByID(ctx, c.Block.ID())
	switch {
	case err == nil && (c.Block.Pruned() || !held.Block.Pruned()):
		i.summary.Known++
		return nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("look for block %s: %w", c.Block.ID(), err)
	case err != nil:
		if err := i.own(ctx, g, c); err != nil {
			return err
		}
	}
	i.writes = append(i.writes, store.PutCertified(c))
	i.bytes += c.Bytes()
	i.summary.count(c)
	return nil
}

// verify checks a whole block, or what is left of one.
func verify(group *membership.Group, c store.Certified) error {
	if !c.Block.Pruned() {
		return certificate.VerifyBlock(group, c.Block, c.Certificate)
	}
	if c.Certificate.Slot != c.Block.Header.Slot() || c.Certificate.Block != c.Block.ID() {
		return fmt.Errorf("%w: it is of another block", certificate.ErrInvalid)
	}
	if err := c.Block.Header.Check(group); err != nil {
		return err
	}
	if !c.Block.SignedHeader.Verify() {
		return fmt.Errorf("%w: the header is not signed by its creator", block.ErrInvalid)
	}
	return c.Certificate.Verify(group)
}

// own refuses a block that the node made or echoed and does not hold, where it still signs.
func (i *importer) own(ctx context.Context, g store.Group, c store.Certified) error {
	place, member := g.Group.Index(i.Self)
	if !member || g.Closed || g.Group.Number() <= i.MutedThrough {
		return nil
	}
	if c.Block.Header.Creator != i.Self && !c.Certificate.Signed(place) {
		return nil
	}
	_, err := i.store.Block(ctx, c.Block.ID())
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: block %s of %s; is the key of this home used elsewhere?", ErrOwn, c.Block.ID(), c.Block.Header.Slot())
	}
	if errors.Is(err, store.ErrPruned) {
		return nil
	}
	return err
}

func (i *importer) flush(ctx context.Context) error {
	if len(i.writes) == 0 {
		return nil
	}
	if err := i.store.Commit(ctx, i.writes); err != nil {
		return fmt.Errorf("store imported blocks: %w", err)
	}
	i.writes, i.bytes = nil, 0
	return nil
}
