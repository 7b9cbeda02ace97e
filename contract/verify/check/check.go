// Package check checks the evidence of settled epochs, as a stranger who trusts none of the
// machines can: it runs numbered checks in reading order over an epoch's bundle, a contract.Core
// with its contract.Annex, and each has an outcome and the value that shows it. A failed check does
// not stop the later ones, unless they have nothing to look at.
//
// The package is pure: bytes in, findings out, without socket, database or clock. Signatures,
// matrix, result and history are checked by the functions with which the contract settled the
// epoch: see packages verify and certificate. The command "contract verify" reads files and prints
// what this package finds.
package check

import (
	"cmp"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Outcome is what came out of a check.
type Outcome string

// The outcomes.
const (
	Pass Outcome = "pass"
	// Fail means that the evidence contradicts itself, the trusted copies or the epochs before.
	Fail Outcome = "FAIL"
	// Warning means that the payment stands, and that somebody should look.
	Warning Outcome = "warning"
	// NotCheckable means that the check had nothing to look at.
	NotCheckable Outcome = "not checkable"
)

// Finding is what one check found about one epoch.
type Finding struct {
	// Number is that of the check, from 1. A check has the same number for every epoch.
	Number  int     `json:"number"`
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	// Value shows it, such as "9 of 10 members signed, 7 needed", or says why nothing could be
	// checked.
	Value string `json:"value"`
	// Needs names what was not given and would make the check possible, such as "annex". It is empty
	// if the check was made, and if nothing makes it possible.
	Needs string `json:"needs,omitempty"`
}

// Report is what all checks found about one epoch. Checks about a winner are left out if the epoch
// was missed.
type Report struct {
	Source    string               `json:"source"` // where the evidence is from: see Evidence
	Epoch     contract.Epoch       `json:"epoch"`  // 0 if the description cannot be decoded
	Status    contract.Status      `json:"status"` // empty if the core cannot be decoded
	Mode      contract.Mode        `json:"mode"`
	Network   string               `json:"network"`
	Winner    *contract.Signatory  `json:"winner"`    // nil if missed, and in ModePerformance
	Reporters []contract.Signatory `json:"reporters"` // in the order of the block
	Signers   []contract.Signatory `json:"signers"`   // of the certificate, in the order of keys
	N         int                  `json:"n"`
	F         int                  `json:"f"`
	Q         int                  `json:"q"`
	Findings  []Finding            `json:"checks"`
}

// Count returns the number of findings with an outcome.
func (r Report) Count(o Outcome) int {
	count := 0
	for _, f := range r.Findings {
		if f.Outcome == o {
			count++
		}
	}
	return count
}

// Incomplete reports whether something that the evidence should show could not be checked. What
// only needs evidence that was not given does not count: see Finding.Needs.
func (r Report) Incomplete() bool {
	for _, f := range r.Findings {
		if f.Outcome == NotCheckable && f.Needs == "" {
			return true
		}
	}
	return false
}

// Evidence is the bundle of one epoch.
type Evidence struct {
	Source string // where it is from, for people: a file, a URL
	// Core is what contract.Core.Encode returns. Empty means that there should be one.
	Core []byte
	// Annex is what contract.Annex.Encode returns. Nil means that there is no annex yet, and empty
	// that there should be one.
	Annex []byte
	// Copies compares what is kept of the epoch for queries, in tables next to the evidence, with the
	// evidence. Nil means that there are no copies, as in a file. It is called at most once.
	Copies func(verify.Audited) error
}

// Config says what is trusted and expected. The zero value trusts what the evidence says of itself.
type Config struct {
	// Group is the ID of the trusted group, zero if not known.
	Group membership.ID
	// Contract is the trusted key of the contract, zero if not known.
	Contract keys.Public
	// Names are what members are called, nil if not known. A name proves nothing.
	Names map[keys.Public]string
	// Consecutive says that the evidence is that of all epochs from the first one given to the last,
	// so that a missing one was removed.
	Consecutive bool
	// First is the epoch that must be given first, 0 for any.
	First contract.Epoch
}

// CheckKey returns an error that wraps keys.ErrPrivateKey if the trusted key of the contract is
// the private key of the contract that encoded evidence names. Evidence that does not decode names
// none.
func (c Config) CheckKey(e Evidence) error {
	core, err := contract.DecodeCore(e.Core)
	if err != nil {
		return nil // as the checks say
	}
	d, err := contract.DecodeDescription(core.Description)
	if err != nil || c.Contract == d.ContractKey {
		return nil
	}
	return c.Contract.CheckNotSeedOf(d.ContractKey)
}

func (c Config) name(key keys.Public) string { return cmp.Or(c.Names[key], key.Short()) }

func (c Config) signatories(list []keys.Public) []contract.Signatory {
	named := make([]contract.Signatory, len(list))
	for i, key := range list {
		named[i] = contract.Signatory{Name: c.Names[key], Key: key}
	}
	return named
}
