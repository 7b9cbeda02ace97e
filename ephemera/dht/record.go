package dht

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// ErrInvalid reports a key, value or record that the table does not accept.
var ErrInvalid = errors.New("invalid hash table record")

const (
	domain    = "ephemera/dht/v1"
	namespace = "ephemera"
	nameBytes = 128
	// overheadBytes is an upper bound of the size of an encoded record without its value.
	overheadBytes = 128
)

// Key names a value: its author and its name.
type Key struct {
	Member keys.Public
	Name   string
}

// String returns "<peer ID>/<name>", which parseKey parses.
func (k Key) String() string { return k.Member.PeerID() + "/" + k.Name }

// path returns the key that kad-dht uses: /ephemera/<network>/<peer ID>/<name>.
func (k Key) path(network string) string { return prefix(network) + k.String() }

func prefix(network string) string { return "/" + namespace + "/" + network + "/" }

// checkName returns ErrInvalid unless name consists of 1 to 128 characters a-z, A-Z, 0-9, '.', '-',
// '_', ':' and '/', and neither begins nor ends with '/'.
func checkName(name string) error {
	if len(name) < 1 || len(name) > nameBytes {
		return fmt.Errorf("%w: name has %d characters, expected 1..%d", ErrInvalid, len(name), nameBytes)
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(".-_:/", c) >= 0) {
			return fmt.Errorf("%w: name contains %q, expected a-z, A-Z, 0-9, '.', '-', '_', ':' or '/'", ErrInvalid, c)
		}
	}
	if name[0] == '/' || name[len(name)-1] == '/' {
		return fmt.Errorf("%w: name %q must not begin or end with '/'", ErrInvalid, name)
	}
	return nil
}

// parseKey parses "<peer ID>/<name>". It returns ErrInvalid for anything else.
func parseKey(text string) (Key, error) {
	id, name, found := strings.Cut(text, "/")
	if !found {
		return Key{}, fmt.Errorf("%w: key %.80q: expected <peer ID>/<name>", ErrInvalid, text)
	}
	member, err := keys.ParsePublic(id)
	if err != nil || member.PeerID() != id {
		return Key{}, fmt.Errorf("%w: key %.80q: expected a peer ID before the first '/'", ErrInvalid, text)
	}
	return Key{Member: member, Name: name}, checkName(name)
}

// parsePath is the inverse of Key.path. It returns ErrInvalid for a path of another network.
func parsePath(network, path string) (Key, error) {
	text, found := strings.CutPrefix(path, prefix(network))
	if !found {
		return Key{}, fmt.Errorf("%w: path %.80q does not belong to network %q", ErrInvalid, path, network)
	}
	return parseKey(text)
}

// record is a value as members store and send it.
type record struct {
	_         struct{} `cbor:",toarray"`
	Time      int64    // milliseconds since 1970, by the author's clock
	Value     []byte
	Signature keys.Signature
}

// statement is what an author signs, together with the domain and the network. The author's key is
// not part of it: the signature verifies with no other key.
type statement struct {
	_     struct{} `cbor:",toarray"`
	Name  string
	Time  int64
	Value []byte
}

// signingBytes returns the bytes that an author signs.
func signingBytes(network, name string, time int64, value []byte) []byte {
	return keys.SigningBytes(domain, network, canonical.Encode(statement{Name: name, Time: time, Value: value}))
}

// sign returns the encoded record of a value of this node.
func sign(key keys.Private, network, name string, time int64, value []byte) []byte {
	return canonical.Encode(record{Time: time, Value: value, Signature: key.Sign(signingBytes(network, name, time, value))})
}

// decode decodes a record. It checks its size and form, but not its signature.
func decode(data []byte, valueBytes int) (record, error) {
	var r record
	if err := canonical.Decode(data, valueBytes+overheadBytes, &r); err != nil {
		return record{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(r.Value) > valueBytes || r.Time < 0 {
		return record{}, fmt.Errorf("%w: value has %d bytes and time %d, expected at most %d bytes and a time of 0 or later", ErrInvalid, len(r.Value), r.Time, valueBytes)
	}
	return r, nil
}

// validator implements kad-dht's record.Validator, which kad-dht calls before it sends, stores or
// returns a record.
type validator struct {
	network    string
	valueBytes int
	known      func(keys.Public) bool
	latest     func() int64 // the latest time that a record may have now
}

// Validate returns ErrInvalid unless data is a record that the author named in path signed, and the
// author is a known member. A record dated ahead would win against all later ones, so it is refused
// until its time has come.
func (v validator) Validate(path string, data []byte) error {
	key, err := parsePath(v.network, path)
	if err != nil {
		return err
	}
	if !v.known(key.Member) {
		return fmt.Errorf("%w: author %s is not a member", ErrInvalid, key.Member)
	}
	r, err := decode(data, v.valueBytes)
	if err != nil {
		return err
	}
	if latest := v.latest(); r.Time > latest {
		return fmt.Errorf("%w: dated %d ms beyond the allowed difference of clocks (set the clock of its author)", ErrInvalid, r.Time-latest)
	}
	if !key.Member.Verify(signingBytes(v.network, key.Name, r.Time, r.Value), r.Signature) {
		return fmt.Errorf("%w: not signed by its author %s", ErrInvalid, key.Member)
	}
	return nil
}

// Select returns the index of the record with the newest signed time. Of equally new records it
// selects the one with the greater bytes, so that all members select the same.
func (v validator) Select(_ string, all [][]byte) (int, error) {
	best := -1
	for i, data := range all {
		if _, err := decode(data, v.valueBytes); err == nil && (best < 0 || v.newer(data, all[best])) {
			best = i
		}
	}
	if best < 0 {
		return 0, fmt.Errorf("%w: none of %d records can be decoded", ErrInvalid, len(all))
	}
	return best, nil
}

// newer reports whether a wins over b. Both must be decodable.
func (v validator) newer(a, b []byte) bool {
	x, _ := decode(a, v.valueBytes)
	y, _ := decode(b, v.valueBytes)
	if x.Time != y.Time {
		return x.Time > y.Time
	}
	return bytes.Compare(a, b) > 0
}
