package ephemera

import (
	"context"
	"errors"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// read is a request to read the store outside the loop: a block or certified blocks for a member,
// a header or certificate to compare with that of its slot, or the state of an old group.
type read struct {
	to     keys.Public
	block  block.ID
	from   *block.Slot
	header *block.SignedHeader
	proof  *certificate.Certificate // to compare with that of its slot
	group  *membership.ID
}

// compares reports whether the read compares what a member sent with what is stored.
func (r read) compares() bool { return r.header != nil || r.proof != nil }

// readerRest is for how long the reader rests after a request, as a multiple of the time that the
// request took. All members together can so use at most a third of a core for what they ask.
const readerRest = 2

// runReader serves other members from the store, one request at a time, so that members that catch
// up do not delay the loop.
func (n *Node) runReader(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-n.reads:
			began := time.Now()
			err := n.serve(ctx, r)
			if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrCorrupt) && ctx.Err() == nil {
				n.log.Error("reading the store for a member failed", "err", err)
			}
			wait.For(ctx, readerRest*time.Since(began))
		}
	}
}

func (n *Node) serve(ctx context.Context, r read) error {
	forMember := !r.compares() && r.group == nil
	if forMember && !n.config.Transport.HasRoom(r.to, n.view.Load().groups.MaxFrameBytes()) {
		return nil // the member does not read what waits for it: it asks again (R7)
	}
	switch {
	case r.header != nil:
		return n.compareHeader(ctx, *r.header)
	case r.proof != nil:
		return n.compareCertificate(ctx, *r.proof)
	case r.group != nil:
		state, err := n.config.Store.Load(ctx, *r.group)
		n.post(ctx, engine.Loaded{Group: *r.group, State: state, OK: err == nil})
		return err
	case r.from != nil:
		certified, err := n.config.Store.CertifiedFrom(ctx, *r.from, wire.MaxBlocks, wire.BatchBytes)
		if err != nil || len(certified) == 0 {
			return err
		}
		frame := wire.Blocks{Blocks: make([]wire.Held, len(certified))}
		for i, c := range certified {
			frame.Blocks[i] = wire.Held{Block: c.Block, Certificate: &c.Certificate}
		}
		n.sendBlocks(r.to, frame)
		return nil
	default:
		held, err := n.heldBlock(ctx, r.block)
		if err != nil {
			return err
		}
		n.sendBlocks(r.to, wire.Blocks{Blocks: []wire.Held{held}})
		return nil
	}
}

// sendBlocks sends blocks to a member that asked for them.
func (n *Node) sendBlocks(to keys.Public, frame wire.Blocks) {
	encoded := wire.Encode(frame)
	n.gate.sends(to, frame, len(encoded))
	n.config.Transport.Send(to, encoded)
}

// heldBlock returns a block for a member that lacks it or, if its messages were removed, its header
// and certificate. A block of this node may be stored without its signature: it is stored before it
// is signed. That one is no use to anybody.
func (n *Node) heldBlock(ctx context.Context, id block.ID) (wire.Held, error) {
	b, err := n.config.Store.Block(ctx, id)
	if err == nil && b.Signature == (keys.Signature{}) {
		return wire.Held{}, store.ErrNotFound
	}
	if !errors.Is(err, store.ErrPruned) {
		return wire.Held{Block: b}, err
	}
	certified, err := n.config.Store.CertifiedByID(ctx, id)
	return wire.Held{Block: certified.Block, Certificate: &certified.Certificate}, err
}

// compareHeader looks for equivocation in a slot that was certified before.
func (n *Node) compareHeader(ctx context.Context, header block.SignedHeader) error {
	stored, err := n.config.Store.Header(ctx, header.Header.Slot())
	if err != nil {
		return err
	}
	if stored.Header.ID() != header.Header.ID() {
		n.post(ctx, engine.Conflict{A: stored, B: header})
	}
	return nil
}
