package contract

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
)

// Core is the self-contained evidence of one settled epoch. Together with the Annex it is the
// epoch's bundle. The parts are byte for byte as their authors encoded them, so a Core never
// changes once the epoch is settled. Package verify audits it offline; docs/BUNDLE.md specifies the
// format.
type Core struct {
	// Version is CoreVersion, or 1 for a file that an earlier version of the contract wrote about a
	// rewarded epoch, which has no Record.
	Version     uint8
	Description []byte   // Description.Encode, which holds the group
	Submission  []byte   // of the winner, as it was received; empty if the epoch was missed
	Rewards     []Reward // as stored, carried values included; empty if missed
	Record      []byte   // Record.Encode; empty in version 1
	Receipt     []byte   // Receipt.Encode; empty if missed
}

// CoreVersion is the version of the cores that contracts make.
const CoreVersion = 2

// MaxCoreBytes bounds an encoded core: a description, the largest block that a group allows, a
// result and rewards.
const MaxCoreBytes = 128 << 20

type wireCore struct {
	_           struct{} `cbor:",toarray"`
	Version     uint8
	Description []byte
	Submission  []byte
	Rewards     []Reward
	Record      []byte
	Receipt     []byte
}

type wireCore1 struct {
	_           struct{} `cbor:",toarray"`
	Description []byte
	Submission  []byte
	Receipt     []byte
	Rewards     []Reward
}

// coreVersion1 is what the encoding of a core of version 1 begins with: an array of 4 fields.
const coreVersion1 = 0x84

// Validate returns nil if a core has the parts that its version and outcome need, otherwise an
// error that wraps ErrInvalid. It does not look into the parts.
func (c Core) Validate() error {
	won, missed := len(c.Submission) > 0 && len(c.Rewards) > 0 && len(c.Receipt) > 0, c.Missed() && len(c.Rewards) == 0 && len(c.Receipt) == 0
	switch {
	case c.Version != CoreVersion && c.Version != 1:
		return fmt.Errorf("%w: core of version %d, expected 1 or %d", ErrInvalid, c.Version, CoreVersion)
	case len(c.Description) == 0:
		return fmt.Errorf("%w: core without a description", ErrInvalid)
	case (c.Version == 1) != (len(c.Record) == 0):
		return fmt.Errorf("%w: core of version %d with a record of %d bytes, expected one from version 2 on", ErrInvalid, c.Version, len(c.Record))
	case !won && (!missed || c.Version == 1):
		return fmt.Errorf("%w: core with a submission of %d bytes, %d rewards and a receipt of %d bytes, expected all of them, or none of a missed epoch",
			ErrInvalid, len(c.Submission), len(c.Rewards), len(c.Receipt))
	}
	return nil
}

// Missed reports whether the epoch was settled without a winner.
func (c Core) Missed() bool { return len(c.Submission) == 0 }

// Encode returns the canonical bytes.
func (c Core) Encode() []byte {
	if c.Version == 1 {
		return canonical.Encode(wireCore1{Description: c.Description, Submission: c.Submission, Receipt: c.Receipt, Rewards: c.Rewards})
	}
	return canonical.Encode(wireCore{
		Version: c.Version, Description: c.Description, Submission: c.Submission, Rewards: c.Rewards, Record: c.Record, Receipt: c.Receipt,
	})
}

// Digest returns the SHA-256 of the encoding. The annex names its core by it.
func (c Core) Digest() Hash { return Digest(c.Encode()) }

// DecodeCore decodes what Encode returned, of either version. It leaves the parts encoded. The
// error wraps ErrInvalid.
func DecodeCore(data []byte) (Core, error) {
	var w wireCore
	var err error
	if len(data) > 0 && data[0] == coreVersion1 {
		var old wireCore1
		err = canonical.Decode(data, MaxCoreBytes, &old)
		w = wireCore{Version: 1, Description: old.Description, Submission: old.Submission, Rewards: old.Rewards, Receipt: old.Receipt}
	} else {
		err = canonical.Decode(data, MaxCoreBytes, &w)
	}
	if err == nil && w.Version == 1 && data[0] != coreVersion1 {
		err = errors.New("version 1 in the form of a later one")
	}
	if err != nil {
		return Core{}, fmt.Errorf("%w: core: %w", ErrInvalid, err)
	}
	c := Core{Version: w.Version, Description: w.Description, Submission: w.Submission, Rewards: w.Rewards, Record: w.Record, Receipt: w.Receipt}
	return c, c.Validate()
}
