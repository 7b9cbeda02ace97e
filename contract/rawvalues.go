package contract

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// RawValues are what a contract in ModePerformance holds about an epoch: for each mixnode of the
// description the percents that monitors submitted, ascending. They have no names and no
// signatures, as in Nym's performance contract: nothing shows who submitted a value, or that all
// that were submitted are there.
type RawValues [][]byte

type wireRawValues struct {
	_      struct{} `cbor:",toarray"`
	Counts []byte   // number of values of each mixnode
	Values []byte   // those of all mixnodes, one after the other
}

// maxRawValuesBytes fits the values of all members that a group may have about 100,000 mixnodes.
const maxRawValuesBytes = 16 << 20

// Validate returns nil if the values of each mixnode ascend and are percents, otherwise an error
// that wraps ErrInvalid.
func (r RawValues) Validate() error {
	for i, percents := range r {
		switch {
		case !slices.IsSorted(percents):
			return fmt.Errorf("%w: the values of mixnode %d do not ascend", ErrInvalid, i+1)
		case len(percents) > 0 && percents[len(percents)-1] > 100:
			return fmt.Errorf("%w: mixnode %d has a value of %d percent", ErrInvalid, i+1, percents[len(percents)-1])
		case len(percents) > membership.MaxMembers:
			return fmt.Errorf("%w: mixnode %d has %d values, expected at most %d", ErrInvalid, i+1, len(percents), membership.MaxMembers)
		}
	}
	return nil
}

// Encode returns the canonical bytes of valid values.
func (r RawValues) Encode() []byte {
	w := wireRawValues{Counts: make([]byte, len(r)), Values: []byte{}}
	for i, percents := range r {
		w.Counts[i] = byte(len(percents))
		w.Values = append(w.Values, percents...)
	}
	return canonical.Encode(w)
}

// DecodeRawValues decodes what Encode returned. The values are valid; the error wraps ErrInvalid.
func DecodeRawValues(data []byte) (RawValues, error) {
	var w wireRawValues
	if err := canonical.Decode(data, maxRawValuesBytes, &w); err != nil {
		return nil, fmt.Errorf("%w: raw values: %w", ErrInvalid, err)
	}
	r := make(RawValues, len(w.Counts))
	for i, count := range w.Counts {
		if int(count) > len(w.Values) {
			return nil, fmt.Errorf("%w: raw values: too few for mixnode %d", ErrInvalid, i+1)
		}
		r[i], w.Values = w.Values[:count:count], w.Values[count:]
	}
	if len(w.Values) > 0 {
		return nil, fmt.Errorf("%w: raw values: %d more than the mixnodes have", ErrInvalid, len(w.Values))
	}
	return r, r.Validate()
}
