package store

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
)

// ErrCorrupt reports that what the store holds is not what was committed, as after a bit of the
// disk has flipped. Nothing of it is returned. An error about a block is a *CorruptError.
var ErrCorrupt = errors.New("stored data is damaged")

// CorruptError reports a block that the store holds in a damaged form: its header does not hash to
// its ID, its messages are not those that the header commits to, its certificate is for another
// block, or a part of it is missing or cannot be decoded. It wraps ErrCorrupt.
//
// Signatures are not verified on reading: a hash finds everything else at a hundredth of the cost.
// The files of SQLite, Pebble and RocksDB have checksums, which cover the signatures too.
type CorruptError struct {
	Block block.ID
	Slot  block.Slot // zero if it is not known
	// Sequence is the place of a certified block in List; zero if the error is of another method.
	Sequence uint64
	// Header is the block's header, or nil if it is damaged too.
	Header *block.SignedHeader
	// Certificate is that of a certified block, or nil if it is damaged too or the block is not
	// certified.
	Certificate *certificate.Certificate
	Err         error // what is wrong

	unproven bool // the certificate is what is wrong
}

// Error names the block and says what is wrong.
func (e *CorruptError) Error() string {
	text := fmt.Sprintf("block %s", e.Block)
	if e.Slot != (block.Slot{}) {
		text += fmt.Sprintf(" of slot %s", e.Slot)
	}
	return fmt.Sprintf("%s: %v: %v", text, ErrCorrupt, e.Err)
}

// Unwrap returns ErrCorrupt and what is wrong.
func (e *CorruptError) Unwrap() []error { return []error{ErrCorrupt, e.Err} }

// Corrupt returns the error about a block with this ID. It keeps an error that already is one.
func Corrupt(id block.ID, err error) *CorruptError {
	var known *CorruptError
	if errors.As(err, &known) {
		return known
	}
	return &CorruptError{Block: id, Err: err}
}

// CorruptBody returns the error about the messages or the certificate of a block, whose header is
// intact. It keeps an error that already is one.
func CorruptBody(id block.ID, header block.SignedHeader, err error) *CorruptError {
	damage := Corrupt(id, err)
	damage.Header = &header
	return damage
}

// Corruptf returns an error that wraps ErrCorrupt and says what is damaged. It names no block:
// where the data belongs to one, wrap the error with Corrupt or CorruptBody.
func Corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrCorrupt, fmt.Errorf(format, args...))
}

// CheckHeader returns a *CorruptError unless the header is that of the block with this ID.
func CheckHeader(id block.ID, h block.Header) error {
	if have := h.ID(); have != id {
		return Corrupt(id, fmt.Errorf("its header is that of block %s", have))
	}
	return nil
}

// CheckBody returns a *CorruptError unless the messages are those that the header of the block with
// this ID commits to. A block whose messages were removed passes.
func CheckBody(id block.ID, b block.Block) error {
	switch {
	case b.Pruned():
		return nil
	case int(b.Header.Count) != len(b.Messages):
		return CorruptBody(id, b.SignedHeader, fmt.Errorf("it has %d messages, its header counts %d", len(b.Messages), b.Header.Count))
	case block.Root(b.MessageIDs()) != b.Header.Root:
		return CorruptBody(id, b.SignedHeader, errors.New("its messages are not those that its header commits to"))
	}
	return nil
}

// CheckCertificate returns a *CorruptError unless the certificate has the form of one for the block
// with this ID and header.
func CheckCertificate(id block.ID, h block.SignedHeader, c certificate.Certificate) error {
	var err error
	switch {
	case c.Block != id || c.Slot != h.Header.Slot():
		err = fmt.Errorf("its certificate is for block %s of slot %s", c.Block, c.Slot)
	case c.Count() == 0 || c.Count() != len(c.Signatures):
		err = fmt.Errorf("its certificate has %d signers and %d signatures", c.Count(), len(c.Signatures))
	default:
		return nil
	}
	return &CorruptError{Block: id, Header: &h, unproven: true, Err: err}
}

// Locate completes the *CorruptError in err, if there is one: with the slot of the damaged block,
// its sequence, and its certificate if that is intact. Zero values complete nothing.
func Locate(err error, slot block.Slot, sequence uint64, proof *certificate.Certificate) error {
	var damage *CorruptError
	if !errors.As(err, &damage) {
		return err
	}
	if proof != nil && !damage.unproven && proof.Block == damage.Block && proof.Count() > 0 && proof.Count() == len(proof.Signatures) {
		damage.Certificate = proof
		if damage.Slot == (block.Slot{}) {
			damage.Slot = proof.Slot
		}
	}
	if slot != (block.Slot{}) {
		damage.Slot = slot
	}
	damage.Sequence = max(damage.Sequence, sequence)
	return err
}
