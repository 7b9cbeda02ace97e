package check

import (
	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
)

// Checks of the block, its certificate, and the submission that holds both.

func merkleRoot(e *epoch) Finding {
	h, ids := e.block.Header, e.block.MessageIDs()
	switch {
	case int(h.Count) != len(ids):
		return fail("the header counts %d messages, the block has %d", h.Count, len(ids))
	case block.Root(ids) != h.Root:
		return fail("the header's root is not that of these %s in this order", count(len(ids), "message"))
	}
	return pass("commits to %s in their order", count(len(ids), "message"))
}

func ownBlock(e *epoch) Finding {
	h := e.block.Header
	if h.Creator != e.submission.Submitter {
		return fail("created by %s, submitted by %s", e.config.name(h.Creator), e.config.name(e.submission.Submitter))
	}
	if err := e.block.Check(e.d.Group); err != nil {
		return fail("%v", err)
	}
	if !e.block.SignedHeader.Verify() {
		return fail("block %s is not signed by %s", e.block.ID().Short(), e.config.name(h.Creator))
	}
	return pass("%s, height %d, by its submitter %s", e.block.ID().Short(), h.Height, e.config.name(h.Creator))
}

// parent compares the block with others of its chain that were submitted. A contract pays for any
// certified block, so a broken chain convicts members, and not the contract.
func parent(e *epoch) Finding {
	h, by := e.block.Header, e.config.name(e.block.Header.Creator)
	if (h.Height == 1) != (h.Parent == block.ID{}) {
		return fail("parent %s at height %d, expected a zero parent at height 1 only", h.Parent.Short(), h.Height)
	}
	slot := h.Slot()
	if other, known := e.blocks[slot]; known && other != e.block.ID() {
		return warn("%s signed two blocks for height %d: %s and %s", by, h.Height, other.Short(), e.block.ID().Short())
	}
	if h.Height == 1 {
		return pass("the first block of %s in group %d", by, e.d.Group.Number())
	}
	slot.Height--
	switch before, known := e.blocks[slot]; {
	case !known:
		return needs("block", "parent %s, which was not given", h.Parent.Short())
	case before != h.Parent:
		return warn("parent %s, but %s also signed %s for height %d", h.Parent.Short(), by, before.Short(), slot.Height)
	}
	return pass("parent %s is the block of an earlier epoch", h.Parent.Short())
}

func certified(e *epoch) Finding {
	c := e.certificate
	if c.Slot != e.block.Header.Slot() || c.Block != e.block.ID() {
		return fail("certificate of block %s of %s, the block is %s of %s", c.Block.Short(), c.Slot, e.block.ID().Short(), e.block.Header.Slot())
	}
	return pass("the certificate is of exactly block %s", c.Block.Short())
}

// signers verifies every echo. Signers are distinct, because a bitmap names them.
func signers(e *epoch) Finding {
	c, group := e.certificate, e.d.Group
	named := c.Members(group)
	if c.Count() != len(named) || len(named) != len(c.Signatures) || len(c.Signers) != (group.N()+7)/8 {
		return fail("%d signers of whom %d are members, and %d signatures", c.Count(), len(named), len(c.Signatures))
	}
	for i, key := range named {
		echo := certificate.Echo{Slot: c.Slot, Block: c.Block, Signer: key, Signature: c.Signatures[i]}
		if err := echo.Verify(group); err != nil {
			return fail("the echo of %s does not verify: %v", e.config.name(key), err)
		}
	}
	e.signers = named
	return pass("%s of %s", count(len(named), "valid signature"), count(len(named), "member"))
}

func quorumOfSigners(e *epoch) Finding {
	value, n, q := "%d of %d members signed, %d needed", e.d.Group.N(), e.d.Group.Q()
	if len(e.signers) < q {
		return fail(value, len(e.signers), n, q)
	}
	return pass(value, len(e.signers), n, q)
}

// submitted checks a submission without the evidence in it, which other checks look at. Without a
// block, only the form of the result is left.
func submitted(e *epoch) Finding {
	s, mode := e.submission, e.d.Rules.Mode
	err := verify.Sender(e.d, s)
	if err == nil && mode == contract.ModeFull {
		err = verify.Addressed(e.d, s)
	} else if err == nil {
		_, err = verify.Evidence(e.d, s)
	}
	if err != nil {
		return fail("%v", err)
	}
	switch mode {
	case contract.ModeNone:
		return cannot("in mode none anybody may submit anything")
	case contract.ModePerformance:
		return cannot("the medians of values without names and signatures: who measured what, or what is left out, nothing shows")
	}
	return pass("signed by %s for this epoch and contract", e.config.name(s.Submitter))
}
