package wire

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Memory remembers what was verified, so that a frame or message that arrives again costs no second
// verification. This package holds no lock: if a Verifier is used concurrently, its Memory must be
// safe for that.
type Memory interface {
	Has(Digest) bool
	Add(Digest)
}

// Tally counts the signatures that a verifier met.
type Tally struct {
	Checked int // whose validity was computed
	Known   int // that the memory knew as valid
}

func (t *Tally) add(checked, known int) {
	if t != nil {
		t.Checked, t.Known = t.Checked+checked, t.Known+known
	}
}

// Verifier checks the signatures of frames. It is safe for concurrent use if its Memory is, unless
// it counts.
type Verifier struct {
	groups Groups
	memory Memory
	tally  *Tally // nil: nobody counts
}

// NewVerifier returns a verifier for frames of these groups. It checks nothing that the memory
// knows.
func NewVerifier(groups Groups, memory Memory) Verifier {
	return Verifier{groups: groups, memory: memory}
}

// Counting returns a verifier that adds to a tally.
func (v Verifier) Counting(tally *Tally) Verifier {
	v.tally = tally
	return v
}

// Verify checks every signature of a frame. It also checks that each proposal, block and
// certificate keeps the limits of its group and names members of it. A frame is remembered as a
// whole, and also its messages, signed headers and certificates one by one, because each of them
// arrives in several kinds of frames, alone and with others.
func (v Verifier) Verify(admitted Admitted) (Verified, error) {
	frame := admitted.decoded.Unverified()
	if err := v.verifyOnce(frame, admitted.decoded.Digest()); err != nil {
		return Verified{}, invalid(frame.kind(), err)
	}
	return Verified{frame}, nil
}

// verifyOnce verifies a frame unless its digest is known. A zero digest is never known.
func (v Verifier) verifyOnce(frame Frame, digest Digest) error {
	if digest == (Digest{}) {
		return v.verify(frame)
	}
	if v.memory.Has(digest) {
		v.tally.add(0, Signatures(frame))
		return nil
	}
	if err := v.verify(frame); err != nil {
		return err
	}
	v.memory.Add(digest)
	return nil
}

// Signatures returns the number of signatures in a frame.
func Signatures(frame Frame) (count int) {
	switch f := frame.(type) {
	case Proposal, Echo:
		return 1
	case Certificate:
		return f.Count()
	case Evidence:
		return 2
	case Frontier:
		return len(f.Open)
	case Messages:
		return len(f.Messages)
	case Blocks:
		for _, held := range f.Blocks {
			if count += 1 + len(held.Block.Messages); held.Certificate != nil {
				count += held.Certificate.Count()
			}
		}
	}
	return count
}

// verify checks all signatures of a frame.
func (v Verifier) verify(frame Frame) error {
	group, err := v.groups.groupOf(frame)
	if err != nil {
		return err
	}
	switch f := frame.(type) {
	case Messages:
		return v.verifyMessages(f.Messages)
	case Proposal:
		if err := f.Check(group); err != nil {
			return err
		}
		return v.verifyHeaders(f.SignedHeader)
	case Echo:
		v.tally.add(1, 0)
		return f.Echo.Verify(group)
	case Certificate:
		v.tally.add(f.Count(), 0)
		return f.Certificate.Verify(group)
	case Blocks:
		for _, held := range f.Blocks {
			if err := v.verifyHeld(held); err != nil {
				return err
			}
		}
	case Frontier:
		return v.verifyHeaders(f.Open...)
	case Evidence:
		return v.verifyHeaders(f.A, f.B)
	}
	return nil
}

// verifyHeld checks a block as certificate.VerifyBlock or certificate.VerifyHeader do, or without a
// certificate the block alone.
func (v Verifier) verifyHeld(h Held) error {
	group, err := v.groups.find(h.Block.Header.Group)
	if err != nil {
		return err
	}
	c := h.Certificate
	switch {
	case c != nil && (c.Slot != h.Block.Header.Slot() || c.Block != h.Block.ID()):
		return fmt.Errorf("%w: it is for block %s of %s", certificate.ErrInvalid, c.Block.Short(), c.Slot)
	case !h.Block.Pruned():
		err = h.Block.Check(group)
	case c == nil:
		err = errors.New("a block without its messages needs its certificate")
	default:
		err = h.Block.Header.Check(group)
	}
	if err != nil {
		return err
	}
	if err := v.verifyHeaders(h.Block.SignedHeader); err != nil {
		return err
	}
	if err := v.verifyMessages(h.Block.Messages); err != nil || c == nil {
		return err
	}
	return v.verifyOnce(Certificate{*c}, digestOfCertificate(c))
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
func (v Verifier) VerifyMessage(m block.Message) bool { return v.check(digestOfMessage(m), m.Verify) }

func (v Verifier) verifyHeaders(headers ...block.SignedHeader) error {
	for i := range headers {
		if !v.check(digestOfHeader(&headers[i]), headers[i].Verify) {
			return fmt.Errorf("header %s is not signed by its creator", headers[i].Header.ID().Short())
		}
	}
	return nil
}

// check reports whether one signature is valid. It computes that at most once while the memory
// keeps the digest of what is signed and the signature.
func (v Verifier) check(digest Digest, valid func() bool) bool {
	if v.memory.Has(digest) {
		v.tally.add(0, 1)
		return true
	}
	v.tally.add(1, 0)
	if !valid() {
		return false
	}
	v.memory.Add(digest)
	return true
}

// Digests of parts of frames begin with a byte that is not the kind of any frame.
const (
	messagePart = 0x00
	headerPart  = 0xff
)

// digestOfMessage hashes the message's ID and its signature, which the ID does not cover.
func digestOfMessage(m block.Message) Digest {
	var data [1 + len(block.MessageID{}) + len(keys.Signature{})]byte
	data[0] = messagePart
	id, signature := m.ID(), m.Signature()
	copy(data[1+copy(data[1:], id[:]):], signature[:])
	return sha256.Sum256(data[:])
}

// digestOfHeader hashes a header and its signature.
func digestOfHeader(h *block.SignedHeader) Digest {
	var data [headerBytes]byte
	return sha256.Sum256(h.AppendCanonical(append(data[:0], headerPart)))
}

// digestOfCertificate returns the digest of the frame that carries the certificate.
func digestOfCertificate(c *certificate.Certificate) Digest {
	data := make([]byte, 1, 1+certificate.MaxBytes(len(c.Signatures)))
	data[0] = byte(KindCertificate)
	return sha256.Sum256(c.AppendCanonical(data))
}

// forgetful is the Memory of a verifier that is used once.
type forgetful struct{}

func (forgetful) Has(Digest) bool { return false }
func (forgetful) Add(Digest)      {}
