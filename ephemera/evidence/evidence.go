// Package evidence holds accusations: files that prove to anybody, without a node or a network,
// that a key signed two things of which a correct one signs at most one. A File has two sides, byte
// for byte as they were signed, so no trust in its author is needed. Verify names the culprits.
//
// The kinds here are those that a node can judge. Package contract/verify knows those of the
// contract and of Nym-APIs as well; they are files of the same form. docs/PROTOCOL.md §9 has the
// format.
//
// The package is unstable: it is public only because the modules of this repository share it.
package evidence

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
)

var (
	// ErrInvalid reports bytes that are not an evidence file.
	ErrInvalid = errors.New("not an evidence file")
	// ErrProvesNothing reports an evidence file of which the two sides do not convict anybody.
	ErrProvesNothing = errors.New("the file proves nothing")
)

// Kind says what the two sides of a file are. Every kind begins with "evidence/" and has at most 23
// bytes, so that files are recognised by their first bytes.
type Kind string

// The kinds that File.Verify judges.
const (
	// TwoHeaders is two different signed headers of one slot (PROTOCOL.md R3).
	TwoHeaders Kind = "evidence/two-headers"
	// TwoMessages is two different messages of one sender under one label. It is an offence where
	// the application allows one message under a label, as Nym-APIs do for reports.
	TwoMessages Kind = "evidence/two-messages"
	// Fork is two certificates for different blocks of one slot (PROTOCOL.md R5).
	Fork Kind = "evidence/fork"
)

// version is the version of the files that New makes, and the only one that Decode reads.
const version = 1

// MaxBytes bounds an encoded file: two messages with the largest payload, or two certificates of
// the largest group.
const MaxBytes = 16 << 20

// File is an accusation. A and B are the two sides as their signers encoded them, in byte order.
type File struct {
	_       struct{} `cbor:",toarray"`
	Kind    Kind
	Version uint8
	A, B    []byte
}

// New returns the file with two encoded sides in either order. It does not check them.
func New(kind Kind, a, b []byte) File {
	if bytes.Compare(a, b) > 0 {
		a, b = b, a
	}
	return File{Kind: kind, Version: version, A: a, B: b}
}

// Encode returns the canonical bytes.
func (f File) Encode() []byte { return canonical.Encode(f) }

const (
	prefix    = "evidence/"
	arrayHead = 0x84 // of four items
)

// Recognise reports whether data begins like an evidence file, whole or damaged.
func Recognise(data []byte) bool {
	return len(data) > 2 && data[0] == arrayHead && bytes.HasPrefix(data[2:], []byte(prefix))
}

// Decode decodes a file that Encode wrote. It checks neither the kind nor the sides; call Verify.
// The error wraps ErrInvalid.
func Decode(data []byte) (File, error) {
	var f File
	if !Recognise(data) {
		return f, fmt.Errorf("%w: it does not begin with the kind of an evidence file", ErrInvalid)
	}
	if err := canonical.Decode(data, MaxBytes, &f); err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	switch {
	case f.Version != version:
		return File{}, fmt.Errorf("%w: version %d, this program reads version %d", ErrInvalid, f.Version, version)
	case bytes.Compare(f.A, f.B) > 0:
		return File{}, fmt.Errorf("%w: its sides are not in byte order", ErrInvalid)
	}
	return f, nil
}
