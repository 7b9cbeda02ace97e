package contract

import (
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Enrolment is a Nym-API's signed request to become a member with a name and addresses. Another
// enrolment of the same key with a greater counter changes the addresses. The pair of name and key
// never changes.
type Enrolment struct {
	Name string      `json:"name"`
	Key  keys.Public `json:"key"`
	// Addresses are libp2p multiaddrs without /p2p, empty if members do not connect to each other.
	Addresses []string       `json:"addresses"`
	Counter   uint64         `json:"counter"`
	Signature keys.Signature `json:"signature"`
}

// EnrolRequest is the body of POST /contract/enrol. The token is not part of what is signed, so a
// signature can be published.
type EnrolRequest struct {
	Enrolment
	Token string `json:"token"`
}

// EnrolAnswer is the response of POST /contract/enrol. Complete is true once the group is complete
// and the first epoch is scheduled.
type EnrolAnswer struct {
	Enrolled int  `json:"enrolled"`
	Expected int  `json:"expected"`
	Complete bool `json:"complete"`
}

// enrolmentContent is what a Nym-API signs. It contains the contract's key so that the signature is
// valid for one contract only.
type enrolmentContent struct {
	_         struct{} `cbor:",toarray"`
	Contract  keys.Public
	Name      string
	Key       keys.Public
	Addresses []string
	Counter   uint64
}

const enrolmentDomain = "contract/enrolment/v1"

// Bounds of an enrolment: those of a list of members.
const (
	MaxName      = membership.MaxNameBytes
	MaxAddresses = membership.MaxAddresses
)

// Sign returns the enrolment with signer's key and signature for one contract.
func (e Enrolment) Sign(signer block.Signer, network string, contract keys.Public) Enrolment {
	e.Key = signer.Public()
	e.Signature = signer.Sign(e.signing(network, contract))
	return e
}

// Verify reports whether the key signed the enrolment for this contract, or its node did so for a
// Nym-API. A key of small order signs nothing.
func (e Enrolment) Verify(network string, contract keys.Public) bool {
	return e.Key.CheckOrder() == nil && signed(e.Key, enrolmentDomain, network, e.content(contract), e.Signature)
}

func (e Enrolment) signing(network string, contract keys.Public) []byte {
	return keys.SigningBytes(enrolmentDomain, network, e.content(contract))
}

func (e Enrolment) content(contract keys.Public) []byte {
	return canonical.Encode(enrolmentContent{
		Contract: contract, Name: e.Name, Key: e.Key, Addresses: e.Addresses, Counter: e.Counter,
	})
}

// Check checks the form of name, addresses and counter, but not the signature: see Verify. Others
// must be able to dial each address (address.Dialable). The error wraps ErrInvalid.
func (e Enrolment) Check() error {
	if err := CheckName(e.Name); err != nil {
		return err
	}
	if e.Counter == 0 || e.Counter > canonical.MaxNumber {
		return fmt.Errorf("%w: counter %d, expected 1 to 2^53-1", ErrInvalid, e.Counter)
	}
	if len(e.Addresses) > MaxAddresses {
		return fmt.Errorf("%w: %d addresses, expected at most %d", ErrInvalid, len(e.Addresses), MaxAddresses)
	}
	for _, text := range e.Addresses {
		if err := address.Dialable(text); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return nil
}

// CheckName checks the name of a member: 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'. The
// error wraps ErrInvalid.
func CheckName(name string) error {
	if len(name) < 1 || len(name) > MaxName {
		return fmt.Errorf("%w: name of %d characters, expected 1..%d", ErrInvalid, len(name), MaxName)
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return fmt.Errorf("%w: name %q contains %q, expected letters, digits, '.', '_' or '-'", ErrInvalid, name, c)
		}
	}
	return nil
}
