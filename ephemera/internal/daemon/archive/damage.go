package archive

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// IncompleteError reports that Export or Import left out damaged blocks. Everything else was
// copied. It unwraps to what is wrong with each of them.
type IncompleteError struct {
	Left []error // in the order in which they came; each names a block or a record
}

// listedErrors bounds how many of them Error lists.
const listedErrors = 20

// Error names the blocks that were left out.
func (e *IncompleteError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d damaged blocks were left out, the rest was copied", len(e.Left))
	if len(e.Left) == 1 {
		text.Reset()
		text.WriteString("a damaged block was left out, the rest was copied")
	}
	for i, err := range e.Left {
		if i == listedErrors {
			fmt.Fprintf(&text, "; and %d more", len(e.Left)-i)
			break
		}
		fmt.Fprintf(&text, "; %v", err)
	}
	return text.String()
}

// Unwrap returns what is wrong with each block.
func (e *IncompleteError) Unwrap() []error { return e.Left }

// incomplete returns an *IncompleteError if anything was left out, and otherwise nil.
func incomplete(left []error) error {
	if len(left) == 0 {
		return nil
	}
	return &IncompleteError{Left: left}
}

// recordError reports a record that is damaged, while those after it can be read. It wraps
// ErrInvalid.
type recordError struct {
	number int // from 1
	err    error
}

func (e *recordError) Error() string { return fmt.Sprintf("record %d: %v", e.number, e.err) }

func (e *recordError) Unwrap() error { return e.err }

// damagedInStore returns the damaged block that err reports, or nil.
func damagedInStore(err error) *store.CorruptError {
	var damage *store.CorruptError
	if errors.As(err, &damage) && damage.Sequence > 0 {
		return damage
	}
	return nil
}
