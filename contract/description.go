package contract

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Mode says what a submission needs to be accepted.
type Mode string

const (
	// ModeFull needs a certified block of the submitter, from which the contract recomputes the
	// result.
	ModeFull Mode = "full"
	// ModeSingle needs the signature of the one authorised Nym-API, as without Ephemera.
	ModeSingle Mode = "single"
	// ModeNone needs nothing, as in the original prototype. It exists to show what that costs.
	ModeNone Mode = "none"
	// ModePerformance takes batches of measurements while the epoch is in progress, under the rules of
	// package performance, and pays the medians when it ends. The contract itself makes the
	// submission, from the values it holds.
	ModePerformance Mode = "performance-contract"
)

// Valid reports whether m is one of the modes.
func (m Mode) Valid() bool {
	return m == ModeFull || m == ModeSingle || m == ModeNone || m == ModePerformance
}

// Rules say how an epoch is rewarded.
type Rules struct {
	_ struct{} `cbor:",toarray"`
	// Estimator is a name that metrics.ParseEstimator reads, Version the estimator's version.
	Estimator string `json:"estimator"`
	Version   uint16 `json:"estimator_version"`
	// Coverage is the number of values that a mixnode needs for a new uptime.
	Coverage uint16 `json:"coverage"`
	// CarryLimit is the number of epochs for which a mixnode without a new uptime keeps its last one.
	CarryLimit uint16 `json:"carry_limit"`
	Mode       Mode   `json:"mode"`
	// Authorised is the key that may submit in ModeSingle, zero in the other modes.
	Authorised keys.Public `json:"authorised"`
}

// MaxCarry bounds Rules.CarryLimit.
const MaxCarry = 1000

// Description is what the contract fixes about an epoch when it begins. It never changes, and it is
// self-contained: anybody can recompute the epoch's result from it and a submission. Its hash is in
// every report and in every submission. A Description must not be modified.
type Description struct {
	// Version is DescriptionVersion, or 1 for an epoch of an earlier version of the contract, whose
	// description has no State.
	Version     uint8
	Network     string
	ContractKey keys.Public // signs receipts
	Epoch       Epoch
	Start, End  Millis            // the half-open window [Start, End) of the samples
	Group       *membership.Group // its members may report, create blocks and sign them
	Mixnodes    []metrics.MixID   // strictly ascending
	Rules       Rules
	State       State // from the epochs that were settled before
}

// DescriptionVersion is the version of the descriptions that contracts make.
const DescriptionVersion = 2

type wireDescription struct {
	_           struct{} `cbor:",toarray"`
	Version     uint8
	Network     string
	ContractKey keys.Public
	Epoch       Epoch
	Start       Millis
	End         Millis
	Group       []byte // membership.Group.Encode
	Mixnodes    []metrics.MixID
	Rules       Rules
	State       State
}

type wireDescription1 struct {
	_           struct{} `cbor:",toarray"`
	Network     string
	ContractKey keys.Public
	Epoch       Epoch
	Start       Millis
	End         Millis
	Group       []byte // membership.Group.Encode
	Mixnodes    []metrics.MixID
	Rules       Rules
}

const (
	descriptionDomain  = "contract/description/v2"
	descriptionDomain1 = "contract/description/v1"
	// maxDescriptionBytes fits 100,000 mixnodes with the longest names.
	maxDescriptionBytes = 8 << 20
)

// Validate returns nil if every field has an allowed value, otherwise an error that wraps
// ErrInvalid.
func (d Description) Validate() error {
	if err := membership.CheckNetwork(d.Network); err != nil {
		return fmt.Errorf("%w: description: %w", ErrInvalid, err)
	}
	switch {
	case d.Version != DescriptionVersion && d.Version != 1:
		return fmt.Errorf("%w: description of version %d, expected 1 or %d", ErrInvalid, d.Version, DescriptionVersion)
	case d.Group == nil || d.Group.Network() != d.Network:
		return fmt.Errorf("%w: description of network %q: expected a group of that network", ErrInvalid, d.Network)
	case d.Epoch == 0:
		return fmt.Errorf("%w: epoch 0, expected 1 or more", ErrInvalid)
	case d.Start < 0 || d.End <= d.Start:
		return fmt.Errorf("%w: epoch %d from %s to %s, expected it to end after it starts", ErrInvalid, d.Epoch, d.Start, d.End)
	}
	if _, err := metrics.NewMatrix(d.Mixnodes, nil); err != nil {
		return fmt.Errorf("%w: mixnodes of epoch %d: %w", ErrInvalid, d.Epoch, err)
	}
	if err := d.Rules.validate(d.Group); err != nil {
		return err
	}
	if d.Version == 1 {
		return d.validate1()
	}
	return d.State.validate(d.Epoch)
}

func (d Description) validate1() error {
	switch {
	case d.State.Settled != 0 || d.State.Record != Hash{} || d.State.History != nil:
		return fmt.Errorf("%w: description of version 1 with a state, expected version %d", ErrInvalid, DescriptionVersion)
	case d.Rules.Estimator == metrics.WeightedByHistory().Name():
		return fmt.Errorf("%w: estimator %s in a description of version 1, which has no history", ErrInvalid, d.Rules.Estimator)
	}
	return nil
}

func (r Rules) validate(group *membership.Group) error {
	switch {
	case r.Estimator == "" || len(r.Estimator) > 64:
		return fmt.Errorf("%w: estimator name of %d characters, expected 1..64", ErrInvalid, len(r.Estimator))
	case r.Coverage < 1:
		return fmt.Errorf("%w: coverage 0, expected at least 1", ErrInvalid)
	case r.CarryLimit > MaxCarry:
		return fmt.Errorf("%w: carry limit of %d epochs, expected at most %d", ErrInvalid, r.CarryLimit, MaxCarry)
	case !r.Mode.Valid():
		return fmt.Errorf("%w: mode %.30q, expected full, single, none or performance-contract", ErrInvalid, r.Mode)
	case r.Mode == ModeSingle && !group.Contains(r.Authorised):
		return fmt.Errorf("%w: the authorised key %s is not a member of the group", ErrInvalid, r.Authorised)
	case r.Mode != ModeSingle && r.Authorised != keys.Public{}:
		return fmt.Errorf("%w: an authorised key in mode %s, expected none", ErrInvalid, r.Mode)
	}
	return nil
}

// Encode returns the canonical bytes of a valid description.
func (d Description) Encode() []byte {
	if d.Version == 1 {
		return canonical.Encode(wireDescription1{
			Network: d.Network, ContractKey: d.ContractKey, Epoch: d.Epoch, Start: d.Start, End: d.End,
			Group: d.Group.Encode(), Mixnodes: d.Mixnodes, Rules: d.Rules,
		})
	}
	return canonical.Encode(wireDescription{
		Version: d.Version, Network: d.Network, ContractKey: d.ContractKey, Epoch: d.Epoch, Start: d.Start, End: d.End,
		Group: d.Group.Encode(), Mixnodes: d.Mixnodes, Rules: d.Rules, State: d.State,
	})
}

// version1 is what the encoding of a description of version 1 begins with: an array of 8 fields.
const version1 = 0x88

// DecodeDescription decodes what Encode returned, of either version. The description is valid; the
// error wraps ErrInvalid.
func DecodeDescription(data []byte) (Description, error) {
	var w wireDescription
	var err error
	if len(data) > 0 && data[0] == version1 {
		var old wireDescription1
		err = canonical.Decode(data, maxDescriptionBytes, &old)
		w = wireDescription{
			Version: 1, Network: old.Network, ContractKey: old.ContractKey, Epoch: old.Epoch, Start: old.Start, End: old.End,
			Group: old.Group, Mixnodes: old.Mixnodes, Rules: old.Rules,
		}
	} else {
		err = canonical.Decode(data, maxDescriptionBytes, &w)
	}
	if err == nil && w.Version == 1 && data[0] != version1 {
		err = errors.New("version 1 in the form of a later one")
	}
	if err != nil {
		return Description{}, fmt.Errorf("%w: description: %w", ErrInvalid, err)
	}
	if len(w.State.History) == 0 {
		w.State.History = nil
	}
	group, err := membership.DecodeGroup(w.Group)
	if err != nil {
		return Description{}, fmt.Errorf("%w: description: %w", ErrInvalid, err)
	}
	d := Description{
		Version: w.Version, Network: w.Network, ContractKey: w.ContractKey, Epoch: w.Epoch, Start: w.Start, End: w.End,
		Group: group, Mixnodes: w.Mixnodes, Rules: w.Rules, State: w.State,
	}
	return d, d.Validate()
}

// Hash returns the SHA-256 of the domain tag, the network and the encoding. Reports and submissions
// refer to a description by its hash.
func (d Description) Hash() Hash {
	domain := descriptionDomain
	if d.Version == 1 {
		domain = descriptionDomain1
	}
	return sha256.Sum256(keys.SigningBytes(domain, d.Network, d.Encode()))
}

// Label returns the label of the messages that hold reports about the epoch.
func (d Description) Label() string { return d.Epoch.Label() }

// SameMixnodes reports whether mixnodes are exactly those of the description.
func (d Description) SameMixnodes(mixnodes []metrics.MixID) bool {
	return slices.Equal(d.Mixnodes, mixnodes)
}

// Estimator returns the estimator that the description names. The error wraps ErrInvalid if this
// program does not have it in that version.
func (d Description) Estimator() (metrics.Estimator, error) {
	estimator, err := metrics.ParseEstimator(d.Rules.Estimator)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if estimator.Version() != d.Rules.Version {
		return nil, fmt.Errorf("%w: estimator %s, version %d: this program has version %d",
			ErrInvalid, d.Rules.Estimator, d.Rules.Version, estimator.Version())
	}
	return estimator, nil
}

// DescriptionJSON is the JSON form of a Description, which shows it to people. UnmarshalJSON reads
// only Hash and CBOR.
type DescriptionJSON struct {
	Hash        Hash            `json:"hash"`
	Network     string          `json:"network"`
	ContractKey keys.Public     `json:"contract_key"`
	Epoch       Epoch           `json:"epoch"`
	Start       Millis          `json:"start"`
	End         Millis          `json:"end"`
	Group       membership.ID   `json:"group"`
	GroupNumber uint64          `json:"group_number"`
	Members     []keys.Public   `json:"members"`
	Mixnodes    []metrics.MixID `json:"mixnodes"`
	Rules       Rules           `json:"rules"`
	Version     uint8           `json:"version"`
	State       State           `json:"state"`
	CBOR        []byte          `json:"cbor"`
}

// MarshalJSON writes the fields for people, and the canonical bytes in base64 as "cbor".
func (d Description) MarshalJSON() ([]byte, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	state := d.State
	state.History = append([]Deviation{}, state.History...) // never null
	return json.Marshal(DescriptionJSON{
		Hash: d.Hash(), Network: d.Network, ContractKey: d.ContractKey, Epoch: d.Epoch, Start: d.Start, End: d.End,
		Version: d.Version, State: state, Group: d.Group.ID(), GroupNumber: d.Group.Number(), Members: d.Group.Members(), Mixnodes: d.Mixnodes, Rules: d.Rules,
		CBOR: d.Encode(),
	})
}

// UnmarshalJSON reads "cbor" and checks it against "hash". It ignores the other fields.
func (d *Description) UnmarshalJSON(data []byte) error {
	var j struct {
		Hash Hash   `json:"hash"`
		CBOR []byte `json:"cbor"`
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("%w: description: %w", ErrInvalid, err)
	}
	decoded, err := DecodeDescription(j.CBOR)
	if err != nil {
		return err
	}
	if decoded.Hash() != j.Hash {
		return fmt.Errorf("%w: description with hash %s, expected %s", ErrInvalid, decoded.Hash(), j.Hash)
	}
	*d = decoded
	return nil
}
