// Package holders is about who holds the evidence of an epoch, so that it can be had without the
// contract. Each Nym-API states in the hash table, under its own name, the digest of the core that
// it holds of an epoch, and where to fetch it: a Holding. It tells callers what it found there of
// all members: an Answer. Collect asks Nym-APIs, fetches what they hold, and compares it.
//
// What the package returns is not checked: package contract/verify/check does that.
package holders

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// ErrInvalid reports a holding or an answer that no correct Nym-API makes.
var ErrInvalid = errors.New("invalid statement about who holds an epoch")

// Holding is what a member states about an epoch. In the hash table it is under the member's Name
// of that epoch, and signed like every value there.
type Holding struct {
	_       struct{} `cbor:",toarray"`
	Version uint8    // holdingVersion
	Epoch   contract.Epoch
	Core    contract.Hash // digest of the core that the member holds
	Bytes   uint64        // size of the core
	// URLs are addresses of the member's API, at which BundlePath is fetched; at most MaxURLs.
	URLs []string `most:"8"`
}

const (
	holdingVersion = 1
	maxBytes       = 4 << 10 // of an encoded holding
	maxURLBytes    = 256
	// MaxURLs is the largest number of URLs of a holding.
	MaxURLs = 8
)

// Name returns the name under which members state what they hold of an epoch.
func Name(id contract.Epoch) string { return "epoch/" + id.String() }

// Paths at which a Nym-API answers. {id} is the number of an epoch.
const (
	PathBundle  = "/nymapi/epochs/{id}/bundle"  // the core, as it is
	PathBlock   = "/nymapi/epochs/{id}/block"   // the winner's block with its certificate, in JSON
	PathHolders = "/nymapi/epochs/{id}/holders" // an Answer in JSON
)

func pathOf(id contract.Epoch, what string) string {
	return "/nymapi/epochs/" + id.String() + "/" + what
}

// NewHolding returns the statement of a member with these addresses about an encoded core.
func NewHolding(id contract.Epoch, core []byte, urls []string) Holding {
	return Holding{Version: holdingVersion, Epoch: id, Core: contract.Digest(core), Bytes: uint64(len(core)), URLs: urls[:min(len(urls), MaxURLs)]}
}

// Encode returns the canonical bytes.
func (h Holding) Encode() []byte { return canonical.Encode(h) }

// DecodeHolding decodes the statement of a member about an epoch. The error wraps ErrInvalid.
func DecodeHolding(data []byte, id contract.Epoch) (Holding, error) {
	var h Holding
	if err := canonical.Decode(data, maxBytes, &h); err != nil {
		return Holding{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	switch {
	case h.Version != holdingVersion:
		return Holding{}, fmt.Errorf("%w: version %d, this program reads version %d", ErrInvalid, h.Version, holdingVersion)
	case h.Epoch != id:
		return Holding{}, fmt.Errorf("%w: it is about epoch %d, expected %d", ErrInvalid, h.Epoch, id)
	}
	return h, checkURLs(h.URLs)
}

func checkURLs(urls []string) error {
	if len(urls) > MaxURLs {
		return fmt.Errorf("%w: %d URLs, at most %d", ErrInvalid, len(urls), MaxURLs)
	}
	for _, text := range urls {
		parsed, err := url.Parse(text)
		if err != nil || len(text) > maxURLBytes || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" ||
			parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil {
			return fmt.Errorf("%w: %.100q is not the URL of an API", ErrInvalid, text)
		}
	}
	return nil
}

// Answer is what a Nym-API knows about who holds an epoch.
type Answer struct {
	Epoch contract.Epoch `json:"epoch"`
	// DHT reports whether the Nym-API looked into the hash table. Without it, it knows itself
	// alone.
	DHT     bool     `json:"dht"`
	Holders []Holder `json:"holders"` // one for each member in the order of keys, or itself alone
}

// Holder is a member, and what it states about the epoch.
type Holder struct {
	Name string      `json:"name"`
	Key  keys.Public `json:"key"`
	Self bool        `json:"self,omitzero"` // it is the Nym-API that answers
	// Core is the digest of the core that the member holds, zero if nothing is known of it.
	Core  contract.Hash `json:"core,omitzero"`
	Bytes uint64        `json:"bytes,omitzero"`
	URLs  []string      `json:"urls,omitempty"`
	Why   string        `json:"why,omitempty"` // nothing is known
}

// maxHolders bounds the holders of an answer: as many as a group can have members.
const maxHolders = 100_000

func decodeAnswer(data []byte, id contract.Epoch) (Answer, error) {
	var a Answer
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if a.Epoch != id || len(a.Holders) > maxHolders {
		return a, fmt.Errorf("%w: an answer about epoch %d with %d holders", ErrInvalid, a.Epoch, len(a.Holders))
	}
	for _, h := range a.Holders {
		if err := checkURLs(h.URLs); err != nil {
			return a, err
		}
	}
	return a, nil
}

// State fills in what the hash table has of a holder, or why nothing is known.
func (h *Holder) State(value []byte, err error, id contract.Epoch) {
	var held Holding
	if err == nil {
		held, err = DecodeHolding(value, id)
	}
	if err != nil {
		h.Why = "nothing in the hash table: " + err.Error()
		return
	}
	h.Core, h.Bytes, h.URLs = held.Core, held.Bytes, held.URLs
}
