package wire

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// Decoded is a frame whose form and limits were checked. Its signatures were not, so anybody may
// have made it up. The zero value is unusable.
type Decoded struct {
	frame  Frame
	digest Digest
}

// Admitted is a decoded frame that this node wants to spend a verification on. The zero value is
// unusable.
type Admitted struct{ decoded Decoded }

// Verified is a frame whose signatures were all checked. Only this package makes one: by
// Verifier.Verify or, for test kits, by AssumeVerified. The zero value is unusable.
type Verified struct{ frame Frame }

// Digest identifies a verified frame or message in a Memory.
type Digest [sha256.Size]byte

// Kind returns the frame's kind.
func (d Decoded) Kind() Kind { return d.Unverified().kind() }

// Digest returns the hash of the frame's bytes. It is zero for Messages, which are remembered one
// message at a time (see Verifier.Verify), for Announce and Newest, which are never verified, and
// for frames that lost a part (see Without).
func (d Decoded) Digest() Digest { return d.digest }

// Unverified returns the frame. Nothing in it is proven, not even who signed it.
func (d Decoded) Unverified() Frame {
	if d.frame == nil {
		panic("wire: use of a zero Decoded")
	}
	return d.frame
}

// Without returns the frame without the parts that drop picks by their headers: headers of a
// Frontier's open slots, and blocks of a Blocks frame. Other frames stay as they are. A frame that
// lost a part has no digest, because it is not the frame whose bytes arrived.
func (d Decoded) Without(drop func(block.SignedHeader) bool) Decoded {
	switch f := d.Unverified().(type) {
	case Frontier:
		if kept := without(f.Open, drop); len(kept) < len(f.Open) {
			f.Open = kept
			return Decoded{frame: f}
		}
	case Blocks:
		kept := without(f.Blocks, func(h Held) bool { return drop(h.Block.SignedHeader) })
		if len(kept) < len(f.Blocks) {
			return Decoded{frame: Blocks{Blocks: kept}}
		}
	}
	return d
}

// without returns the parts of a frame that drop does not pick. It changes no slice of the frame.
func without[T any](parts []T, drop func(T) bool) []T {
	first := slices.IndexFunc(parts, drop)
	if first < 0 {
		return parts
	}
	var kept []T // often few: against a creator that is proven to have equivocated, all are dropped
	kept = append(kept, parts[:first]...)
	for _, part := range parts[first+1:] {
		if !drop(part) {
			kept = append(kept, part)
		}
	}
	return kept
}

// Admit marks the frame as worth a verification. That is the caller's decision: it may depend on
// the peer that sent the frame, the frame's kind and group, and what it costs to verify. An
// announcement is never admitted, because nobody signs it and it is not for the core.
func (d Decoded) Admit() (Admitted, error) {
	if d.Kind() == KindAnnounce || d.Kind() == KindNewest {
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

// AssumeDecoded returns a frame as decoded without its bytes: it has no digest. It is for
// simulations and tests, like AssumeVerified.
func AssumeDecoded(frame Frame) Decoded { return Decoded{frame: frame} }

// AssumeVerified returns a frame as verified without checking it. It is for simulations and tests,
// whose signatures are not Ed25519 signatures or do not matter. A check in scripts/architecture
// keeps it out of shipped code.
func AssumeVerified(frame Frame) Verified { return Verified{frame} }

// digestOf returns the digest by which a verified frame is remembered.
func digestOf(frame Frame, data []byte) Digest {
	switch frame.(type) {
	case Messages, Announce, Newest:
		return Digest{}
	}
	return sha256.Sum256(data)
}
