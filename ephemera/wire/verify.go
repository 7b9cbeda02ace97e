package wire

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

func (g Groups) verify(frame Frame) error {
	group, err := g.groupOf(frame)
	if err != nil {
		return err
	}
	switch f := frame.(type) {
	case Proposal:
		if err := f.Check(group); err != nil {
			return err
		}
		return verifyHeaders(f.SignedHeader)
	case Echo:
		return f.Echo.Verify(group)
	case Certificate:
		return f.Certificate.Verify(group)
	case Messages:
		for _, m := range f.Messages {
			if !m.Verify() {
				return fmt.Errorf("message %s is not signed by its sender", m.ID())
			}
		}
	case Blocks:
		for _, held := range f.Blocks {
			if err := g.verifyHeld(held); err != nil {
				return err
			}
		}
	case Frontier:
		return verifyHeaders(f.Open...)
	case Evidence:
		return verifyHeaders(f.A, f.B)
	}
	return nil
}

func (g Groups) verifyHeld(held Held) error {
	group, err := g.find(held.Block.Header.Group)
	if err != nil {
		return err
	}
	return held.verify(group)
}

func (h Held) verify(group *membership.Group) error {
	switch {
	case h.Block.Pruned() && h.Certificate == nil:
		return errors.New("a block without its messages comes with its certificate")
	case h.Block.Pruned():
		return certificate.VerifyHeader(group, h.Block.SignedHeader, *h.Certificate)
	case h.Certificate != nil:
		return certificate.VerifyBlock(group, h.Block, *h.Certificate)
	}
	if err := h.Block.Check(group); err != nil {
		return err
	}
	return h.Block.VerifySignatures()
}

func verifyHeaders(headers ...block.SignedHeader) error {
	for _, header := range headers {
		if !header.Verify() {
			return fmt.Errorf("header %s is not signed by its creator", header.Header.ID().Short())
		}
	}
	return nil
}

// Verify checks every signature of a decoded frame, and that a proposal, block or certificate is
// one of its group.
func (g Groups) Verify(frame Frame) error {
	if err := g.verify(frame); err != nil {
		return invalid(frame.kind(), err)
	}
	return nil
}
