package ephemera

import (
	"context"

	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/engine"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// logFork logs that two blocks of one slot are certified, and who signed both.
func (n *Node) logFork(group *membership.Group, f store.Fork) {
	var signers []string
	for _, key := range certificate.DoubleSigners(group, f.A, f.B) {
		signers = append(signers, key.String())
	}
	n.log.Error("two blocks certified for one slot: more members are faulty than the group tolerates; the chain stops here",
		"slot", f.A.Slot.String(), "group", group.Number(), "a", f.A.Block.String(), "b", f.B.Block.String(), "signed_both", signers)
}

// forked logs a fork once its proof is durable.
func (l *loop) forked(f store.Fork) {
	for _, j := range l.groups.all {
		if j.group.ID() == f.A.Slot.Group {
			l.logFork(j.group, f)
		}
	}
}

// compareCertificate looks for a second certificate of a slot that was certified before.
func (n *Node) compareCertificate(ctx context.Context, proof certificate.Certificate) error {
	stored, err := n.config.Store.Certified(ctx, proof.Slot)
	if err != nil {
		return err
	}
	if stored.Certificate.Block != proof.Block {
		n.post(ctx, engine.Forked{A: stored.Certificate, B: proof})
	}
	return nil
}
