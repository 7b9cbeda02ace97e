package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/wire"
)

// Stores are real stores that run next to the disks of some nodes. Every write goes to both, and
// what is read from both must be the same. Run calls the methods from one goroutine.
type Stores interface {
	// Open opens the store of a node that starts. Fresh says that its former store was lost. A nil
	// store means that this node has none. The node closes it when it stops.
	Open(node int, fresh bool) (store.Store, error)
	// Close removes what Open made. All stores are closed by then.
	Close() error
}

// Storable returns the nodes to whose disk nothing happens that cannot be done to a real store in
// virtual time: no copy is restored, nothing rots, and no retention measures running time. A
// Byzantine node may do anything with its disk.
func (s Schedule) Storable() []int {
	var nodes []int
	for i := range s.Nodes {
		byzantine := slices.ContainsFunc(s.Byzantine, func(p Placement) bool { return p.Node == i })
		if !byzantine && !slices.ContainsFunc(s.Faults, func(f Fault) bool {
			return f.Node == i && slices.Contains([]FaultKind{Restore, Revert, RevertAll, Rot, PruneAge}, f.Kind)
		}) {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// twin is a real store next to a node's disk. Every operation has a deadline in real time.
type twin struct {
	n       *node
	store   store.Store
	cursors []store.Write // not durable yet, as on the disk
}

const twinTimeout = time.Minute

func (t *twin) violate(what string, ours, theirs any) {
	t.n.w.check.violate("store", "node %d: %s: %v in the model, %v in %T", t.n.place, what, ours, theirs, t.store)
}

func (t *twin) with(what string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), twinTimeout)
	defer cancel()
	if err := do(ctx); err != nil {
		t.violate(what, "no error", err)
	}
}

// openTwin opens the real store of a node that starts, and compares it with the disk.
func (n *node) openTwin() {
	if n.w.options.Stores == nil {
		return
	}
	real, err := n.w.options.Stores.Open(n.place, n.diskLost)
	n.diskLost = false
	if err != nil {
		n.w.check.violate("store", "node %d: open: %v", n.place, err)
	}
	if err != nil || real == nil {
		return
	}
	n.twin = &twin{n: n, store: real}
	n.twin.with("set identity", func(ctx context.Context) error {
		identity := store.Identity{Network: network, Key: n.key.Public(), Starts: n.disk.starts, MutedThrough: n.disk.mutedThrough, Votes: n.disk.votes}
		return real.SetIdentity(ctx, identity)
	})
	for i := range n.disk.groups {
		n.twin.commit(store.PutGroup{Group: n.disk.groups[i].group}, nil)
	}
	n.twin.compare()
}

// closeTwin closes the real store of a node that stops. Cursors that are not durable are lost.
func (n *node) closeTwin() {
	if n.twin != nil {
		n.twin.with("close", func(context.Context) error { return n.twin.store.Close() })
		n.twin = nil
	}
}

// commit repeats a write. The error is that of the disk.
func (t *twin) commit(w store.Write, want error) {
	if t == nil {
		return
	}
	if _, relaxed := w.(store.PutDelivered); relaxed {
		t.cursors = append(t.cursors, w)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), twinTimeout)
	defer cancel()
	err := t.store.Commit(ctx, []store.Write{w})
	if !sameKind(err, want) {
		t.violate(fmt.Sprintf("commit %T", w), want, err)
	}
	if _, group := w.(store.PutGroup); err == nil && !group { // as in the model
		t.sync()
	}
}

// sameKind reports whether two results of Commit mean the same.
func sameKind(a, b error) bool {
	for _, sentinel := range []error{store.ErrVoted, store.ErrConflict, store.ErrGroup, store.ErrNotFound} {
		if errors.Is(a, sentinel) != errors.Is(b, sentinel) {
			return false
		}
	}
	return (a == nil) == (b == nil)
}

// sync makes the delivery cursors durable.
func (t *twin) sync() {
	if t == nil || len(t.cursors) == 0 {
		return
	}
	t.with("commit cursors", func(ctx context.Context) error { return t.store.Commit(ctx, t.cursors) })
	t.cursors = t.cursors[:0]
}

// prune removes what disk.prune does.
func (t *twin) prune(keep uint64) {
	if t == nil {
		return
	}
	retention := store.Retention{Keep: keep}
	if keep == 0 {
		retention.Age = 1 // less than a millisecond: every block is older
	}
	t.with("prune", func(ctx context.Context) error {
		_, err := t.store.Prune(ctx, retention)
		return err
	})
}

// compare compares all that a node loads at its start.
func (t *twin) compare() {
	if t == nil {
		return
	}
	for i := range t.n.disk.groups {
		g := &t.n.disk.groups[i]
		t.with("load", func(ctx context.Context) error {
			state, err := t.store.Load(ctx, g.group.ID())
			if ours, theirs := describeState(g.load()), describeState(state); err == nil && ours != theirs {
				t.violate(fmt.Sprintf("state of group %d", g.group.Number()), ours, theirs)
			}
			return err
		})
	}
	t.with("identity", func(ctx context.Context) error {
		identity, err := t.store.Identity(ctx)
		if err == nil && identity.Votes != t.n.disk.votes {
			t.violate("commits that hold votes", t.n.disk.votes, identity.Votes)
		}
		return err
	})
	t.with("included", func(ctx context.Context) error {
		own := t.n.key.Public()
		included, err := t.store.Included(ctx, 0)
		if ours := t.n.disk.included(0, own); err == nil && !slices.Equal(ours, included) {
			t.violate("included messages", len(ours), len(included))
		}
		return err
	})
}

// describeState returns everything in a state as text.
func describeState(state store.State) string {
	var text []byte
	for _, c := range state.Chains {
		text = fmt.Appendf(text, "%s certified %d %s delivered %d", c.Creator.Short(), c.Certified, c.Tip.Short(), c.Delivered)
		for _, b := range c.Votes {
			text = fmt.Appendf(text, " vote %d %s", b.Header.Height, describeBlock(b))
		}
		text = fmt.Appendf(text, " lost %v\n", c.Lost)
	}
	for _, e := range slices.SortedFunc(slices.Values(state.Evidence), func(a, b store.Evidence) int {
		return a.A.Header.Creator.Compare(b.A.Header.Creator)
	}) {
		text = fmt.Appendf(text, "evidence %s %x %s %x\n", e.A.Header.ID(), e.A.Signature, e.B.Header.ID(), e.B.Signature)
	}
	for _, f := range slices.SortedFunc(slices.Values(state.Forks), func(a, b store.Fork) int {
		return a.A.Slot.Creator.Compare(b.A.Slot.Creator)
	}) {
		text = fmt.Appendf(text, "fork %x %x\n", f.A.Encode(), f.B.Encode())
	}
	return string(text)
}

func describeBlock(b block.Block) string {
	return fmt.Sprintf("%s of %d messages with root %x", b.ID(), len(b.Messages), rootTwin(b.MessageIDs()))
}

// describeHeld describes a stored block, and the certificate if there is one.
func describeHeld(held wire.Held) string {
	if held.Certificate == nil {
		return describeBlock(held.Block)
	}
	return fmt.Sprintf("%s signed by %x", describeBlock(held.Block), held.Certificate.Signers)
}

// answers compares the answer to a request that the store answers.
func (t *twin) answers(effect engine.Effect) {
	if t == nil {
		return
	}
	switch e := effect.(type) {
	case engine.ServeCertified:
		t.certifiedFrom(e.From)
	case engine.ServeBlock:
		t.with("block", func(ctx context.Context) error { return t.block(ctx, e.Slot, e.Block) })
	case broadcast.FindHeader:
		t.with("certified", func(ctx context.Context) error { return t.certified(ctx, e.Header.Header.Slot()) })
	case broadcast.FindFork:
		t.with("certified", func(ctx context.Context) error { return t.certified(ctx, e.Certificate.Slot) })
	case broadcast.Deliver:
		t.with("certified", func(ctx context.Context) error { return t.certified(ctx, e.Slot) })
	}
}

func (t *twin) certifiedFrom(from block.Slot) {
	t.with("certified from", func(ctx context.Context) error {
		blocks, err := t.store.CertifiedFrom(ctx, from, wire.MaxBlocks, wire.BatchBytes)
		if err != nil {
			return err
		}
		ours, err := t.n.disk.from(from)
		if err != nil {
			return err
		}
		if len(ours) != len(blocks) {
			t.violate("certified blocks from "+t.n.w.slot(from), len(ours), len(blocks))
			return nil
		}
		for i, held := range blocks {
			t.same("certified block", ours[i], wire.Held{Block: held.Block, Certificate: &held.Certificate})
		}
		return nil
	})
}

func (t *twin) block(ctx context.Context, slot block.Slot, id block.ID) error {
	ours, ok := t.n.disk.block(slot, id)
	theirs, err := t.store.Block(ctx, id)
	switch {
	case ok && ours.Pruned() && errors.Is(err, store.ErrPruned), !ok && errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !ok && t.n.w.places[slot.Creator] >= 0 && theirs.Header.Slot() != slot:
		return nil // the model finds a block by slot and ID, the store by ID alone
	case !ok:
		t.violate("block "+id.Short(), "none", "one")
		return nil
	}
	t.same("block", wire.Held{Block: ours}, wire.Held{Block: theirs})
	return nil
}

func (t *twin) certified(ctx context.Context, slot block.Slot) error {
	ours, ok := t.n.disk.certified(slot)
	theirs, err := t.store.Certified(ctx, slot)
	switch {
	case !ok && errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !ok:
		t.violate("certified block "+t.n.w.slot(slot), "none", "one")
		return nil
	}
	t.same("certified block", wire.Held{Block: ours.Block, Certificate: &ours.Certificate}, wire.Held{Block: theirs.Block, Certificate: &theirs.Certificate})
	return nil
}

func (t *twin) same(what string, ours, theirs wire.Held) {
	if a, b := describeHeld(ours), describeHeld(theirs); a != b {
		t.violate(what, a, b)
	}
}

// closeStores closes all real stores at the end of a run, after a last comparison.
func (w *world) closeStores() {
	for _, n := range w.nodes {
		n.twin.sync()
		n.disk.sync()
		n.twin.compare()
		n.closeTwin()
	}
	if w.options.Stores != nil {
		if err := w.options.Stores.Close(); err != nil {
			w.check.violate("store", "close: %v", err)
		}
	}
}
