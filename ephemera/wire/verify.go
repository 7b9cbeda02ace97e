package wire

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Memory remembers what was verified, so that a frame or message that arrives again costs no second
// verification. This package holds no lock: if a Verifier is used concurrently, its Memory must be
// safe for that.
type Memory interface {
	Has(Digest) bool
	Add(Digest)
}

// Verifier checks the signatures of frames. It is safe for concurrent use if its Memory is.
type Verifier struct {
	groups Groups
	memory Memory
}

// NewVerifier returns a verifier for frames of these groups. It checks nothing that the memory
// knows.
func NewVerifier(groups Groups, memory Memory) Verifier {
	return Verifier{groups: groups, memory: memory}
}

// Verify checks every signature of a frame. It also checks that each proposal, block and
// certificate keeps the limits of its group and names members of it. Messages are remembered one at
// a time, because a message arrives by gossip and by fetch, alone and with others. Every other
// frame is remembered as a whole.
func (v Verifier) Verify(admitted Admitted) (Verified, error) {
	frame := admitted.decoded.Unverified()
	if err := v.verify(frame, admitted.decoded.Digest()); err != nil {
		return Verified{}, invalid(frame.kind(), err)
	}
	return Verified{frame}, nil
}

func (v Verifier) verify(frame Frame, digest Digest) error {
	if f, ok := frame.(Messages); ok {
		return v.verifyMessages(f.Messages)
	}
	if v.memory.Has(digest) {
		return nil
	}
	if err := v.groups.verify(frame); err != nil {
		return err
	}
	v.memory.Add(digest)
	return nil
}

func (v Verifier) verifyMessages(messages []block.Message) error {
	for _, m := range messages {
		if !v.VerifyMessage(m) {
			return fmt.Errorf("message %s is not signed by its sender", m.ID())
		}
	}
	return nil
}

// VerifyMessage reports whether a message is signed by its sender.
func (v Verifier) VerifyMessage(m block.Message) bool {
	digest := digestOfMessage(m)
	if v.memory.Has(digest) {
		return true
	}
	if !m.Verify() {
		return false
	}
	v.memory.Add(digest)
	return true
}

// digestOfMessage hashes the message's ID and its signature, which the ID does not cover. The
// leading zero byte is not the kind of any frame, so no frame has the same digest.
func digestOfMessage(m block.Message) Digest {
	var data [1 + len(block.MessageID{}) + len(keys.Signature{})]byte
	id, signature := m.ID(), m.Signature()
	copy(data[1+copy(data[1:], id[:]):], signature[:])
	return sha256.Sum256(data[:])
}

// forgetful is the Memory of a verifier that is used once.
type forgetful struct{}

func (forgetful) Has(Digest) bool { return false }
func (forgetful) Add(Digest)      {}

// verify checks all signatures of a frame that is not a Messages.
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
	case Blocks:
		for _, held := range f.Blocks {
			if err := g.verifyHeld(held); err != nil {
				return err
			}
		}
	case Frontier:
		return verifyHeaders(f.Open...)
	case Fresh:
		return verifyHeaders(f.Frontier.Open...)
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
		return errors.New("a block without its messages needs its certificate")
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
