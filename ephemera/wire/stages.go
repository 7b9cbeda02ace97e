package wire

import (
	"crypto/sha256"
	"fmt"
)

// Decoded is a frame whose form and limits were checked. Its signatures were not: anybody may have
// made it up. Groups.Decode returns it; the zero value is unusable.
type Decoded struct {
	frame  Frame
	digest Digest
}

// Admitted is a decoded frame that this node wants to spend a verification on. The zero value is
// unusable.
type Admitted struct{ decoded Decoded }

// Verified is a frame of which every signature was checked. Only this package makes one, by
// Verifier.Verify or, for test kits, AssumeVerified. The core takes nothing else. The zero value is
// unusable.
type Verified struct{ frame Frame }

// Digest identifies what was verified.
type Digest [sha256.Size]byte

// Kind returns the frame's kind.
func (d Decoded) Kind() Kind { return d.Unverified().kind() }

// Digest returns the hash of the frame's bytes. It is zero for Messages, which are remembered one
// message at a time (see Verifier), and for Announce, which is not verified.
func (d Decoded) Digest() Digest { return d.digest }

// Unverified returns the frame. Whatever it says is unproven, who signed it included.
func (d Decoded) Unverified() Frame {
	if d.frame == nil {
		panic("wire: use of a zero Decoded")
	}
	return d.frame
}

// Admit says that the frame is worth its verification. That is the caller's decision, by the peer
// that sent it, its kind, its group and what it would cost. An announcement is never admitted: it
// is a hint for the runner, nobody signs it, and it does not reach the core.
func (d Decoded) Admit() (Admitted, error) {
	if d.Kind() == KindAnnounce {
		return Admitted{}, fmt.Errorf("%w: an announcement is not for the core", ErrInvalid)
	}
	return Admitted{d}, nil
}

// Frame returns the frame.
func (v Verified) Frame() Frame {
	if v.frame == nil {
		panic("wire: use of a zero Verified: a frame reaches the core through Verifier.Verify")
	}
	return v.frame
}

// AssumeVerified takes a frame as verified without looking at it. It is for simulations and tests,
// whose signatures are not Ed25519's or do not matter. Shipped code must not call it; the check in
// scripts/architecture sees to that.
func AssumeVerified(frame Frame) Verified { return Verified{frame} }

// digestOf returns the digest under which a frame is remembered once it is verified.
func digestOf(frame Frame, data []byte) Digest {
	switch frame.(type) {
	case Messages, Announce:
		return Digest{}
	}
	return sha256.Sum256(data)
}
