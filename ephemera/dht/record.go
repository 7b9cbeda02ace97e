package dht

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// ErrInvalid reports a key, value or record that the table does not take.
var ErrInvalid = errors.New("invalid hash table record")

const (
	domain     = "ephemera/dht/v1"
	namespace  = "ephemera"
	nameBytes  = 128
	frameBytes = 128 // what a record adds to its value, generously
)

// Key names a value: who stored it, and under which name.
type Key struct {
	Member keys.Public
	Name   string
}

// String returns "<peer ID>/<name>", which ParseKey reads.
func (k Key) String() string { return k.Member.PeerID() + "/" + k.Name }

// path is the key within kad-dht: /ephemera/<network>/<peer ID>/<name>.
func (k Key) path(network string) string { return prefix(network) + k.String() }

func prefix(network string) string { return "/" + namespace + "/" + network + "/" }

// CheckName tells whether name can name a value: 1..128 characters of a-z, A-Z, 0-9, '.', '-', '_',
// ':' and '/', no '/' at an end.
func CheckName(name string) error {
	if len(name) < 1 || len(name) > nameBytes {
		return fmt.Errorf("%w: name of %d characters, expected 1..%d", ErrInvalid, len(name), nameBytes)
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(".-_:/", c) >= 0) {
			return fmt.Errorf("%w: name holds %q, expected a-z, A-Z, 0-9, '.', '-', '_', ':' or '/'", ErrInvalid, c)
		}
	}
	if name[0] == '/' || name[len(name)-1] == '/' {
		return fmt.Errorf("%w: name %q begins or ends with '/'", ErrInvalid, name)
	}
	return nil
}

// ParseKey reads "<peer ID>/<name>".
func ParseKey(text string) (Key, error) {
	id, name, found := strings.Cut(text, "/")
	if !found {
		return Key{}, fmt.Errorf("%w: key %.80q is not <peer ID>/<name>", ErrInvalid, text)
	}
	member, err := keys.ParsePublic(id)
	if err != nil || member.PeerID() != id {
		return Key{}, fmt.Errorf("%w: key %.80q does not begin with a peer ID", ErrInvalid, text)
	}
	return Key{Member: member, Name: name}, CheckName(name)
}

// parsePath reads what path made, of this network only.
func parsePath(network, path string) (Key, error) {
	text, ours := strings.CutPrefix(path, prefix(network))
	if !ours {
		return Key{}, fmt.Errorf("%w: key is not of network %q", ErrInvalid, network)
	}
	return ParseKey(text)
}

// record is a value as the table holds it.
type record struct {
	_         struct{} `cbor:",toarray"`
	Time      int64    // milliseconds since 1970, by the member's clock
	Value     []byte
	Signature keys.Signature
}

// statement is what a member signs of a record. The key signs for itself: it holds the member.
type statement struct {
	_     struct{} `cbor:",toarray"`
	Name  string
	Time  int64
	Value []byte
}

func signing(network, name string, time int64, value []byte) []byte {
	return keys.SigningBytes(domain, network, canonical.Encode(statement{Name: name, Time: time, Value: value}))
}

// sign makes the record of an own value.
func sign(key keys.Private, network, name string, time int64, value []byte) []byte {
	return canonical.Encode(record{Time: time, Value: value, Signature: key.Sign(signing(network, name, time, value))})
}

// decode reads a record and checks its size and form, not its signature.
func decode(data []byte, valueBytes int) (record, error) {
	var r record
	if err := canonical.Decode(data, valueBytes+frameBytes, &r); err != nil {
		return record{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(r.Value) > valueBytes || r.Time < 0 {
		return record{}, fmt.Errorf("%w: value of %d bytes at time %d, expected at most %d bytes", ErrInvalid, len(r.Value), r.Time, valueBytes)
	}
	return r, nil
}

// validator is kad-dht's record.Validator: it is asked before a record is sent, stored or believed.
type validator struct {
	network    string
	valueBytes int
	known      func(keys.Public) bool
}

// Validate accepts what a known member signed under its own key.
func (v validator) Validate(path string, data []byte) error {
	key, err := parsePath(v.network, path)
	if err != nil {
		return err
	}
	if !v.known(key.Member) {
		return fmt.Errorf("%w: %s is no member", ErrInvalid, key.Member)
	}
	r, err := decode(data, v.valueBytes)
	if err != nil {
		return err
	}
	if !key.Member.Verify(signing(v.network, key.Name, r.Time, r.Value), r.Signature) {
		return fmt.Errorf("%w: the signature is not the member's", ErrInvalid)
	}
	return nil
}

// Select returns the place of the newest record by signed time; of equally new ones that with the
// greater bytes, so that all agree.
func (v validator) Select(_ string, all [][]byte) (int, error) {
	best := -1
	for i, data := range all {
		if _, err := decode(data, v.valueBytes); err == nil && (best < 0 || v.newer(data, all[best])) {
			best = i
		}
	}
	if best < 0 {
		return 0, fmt.Errorf("%w: none of %d records is one", ErrInvalid, len(all))
	}
	return best, nil
}

// newer compares records that decode.
func (v validator) newer(a, b []byte) bool {
	x, _ := decode(a, v.valueBytes)
	y, _ := decode(b, v.valueBytes)
	if x.Time != y.Time {
		return x.Time > y.Time
	}
	return bytes.Compare(a, b) > 0
}
