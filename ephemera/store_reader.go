package ephemera

import (
	"context"
	"errors"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// read is something to look up in the store beside the loop: a block or certified blocks for a
// member, or the header of a slot.
type read struct {
	to     keys.Public
	block  block.ID
	from   *block.Slot
	header *block.SignedHeader
}

// runReader serves other members from the store, one request at a time, so that nobody's catching
// up delays the loop.
func (n *Node) runReader(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-n.reads:
			if err := n.serve(ctx, r); err != nil && !errors.Is(err, store.ErrNotFound) && ctx.Err() == nil {
				n.log.Error("read the store for a member", "err", err)
			}
		}
	}
}

func (n *Node) serve(ctx context.Context, r read) error {
	switch {
	case r.header != nil:
		return n.compareHeader(ctx, *r.header)
	case r.from != nil:
		certified, err := n.config.Store.CertifiedFrom(ctx, *r.from, wire.MaxBlocks, wire.BatchBytes)
		if err != nil || len(certified) == 0 {
			return err
		}
		frame := wire.Blocks{Blocks: make([]wire.Held, len(certified))}
		for i, c := range certified {
			frame.Blocks[i] = wire.Held{Block: c.Block, Certificate: &c.Certificate}
		}
		n.config.Transport.Send(r.to, wire.Encode(frame))
		return nil
	default:
		held, err := n.hold(ctx, r.block)
		if err != nil {
			return err
		}
		n.config.Transport.Send(r.to, wire.Encode(wire.Blocks{Blocks: []wire.Held{held}}))
		return nil
	}
}

// hold returns a block for a member that misses it, or what is left of it.
func (n *Node) hold(ctx context.Context, id block.ID) (wire.Held, error) {
	b, err := n.config.Store.Block(ctx, id)
	if !errors.Is(err, store.ErrPruned) {
		return wire.Held{Block: b}, err
	}
	certified, err := n.config.Store.CertifiedByID(ctx, id)
	return wire.Held{Block: certified.Block, Certificate: &certified.Certificate}, err
}

// compareHeader looks for equivocation in a slot that is long certified.
func (n *Node) compareHeader(ctx context.Context, header block.SignedHeader) error {
	stored, err := n.config.Store.Certified(ctx, header.Header.Slot())
	if err != nil {
		return err
	}
	if stored.Block.ID() != header.Header.ID() {
		n.post(ctx, engine.Conflict{A: stored.Block.SignedHeader, B: header})
	}
	return nil
}
