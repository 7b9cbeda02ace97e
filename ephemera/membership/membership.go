// Package membership defines groups: immutable, numbered, content-addressed sets of members with
// the limits that all of them apply. Everything signed for a block names its group's ID, and the
// block's quorum is counted in that group.
//
// Names and addresses (Peer) serve to reach and display members. They are not part of a group's
// identity. Package quorum computes f and q from n.
package membership

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/canonical"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// MaxMembers is the size of the largest group that a node runs in. Verification and simulation
// accept larger groups.
const MaxMembers = 100

// ErrInvalid reports an invalid group, peer or list of members.
var ErrInvalid = errors.New("invalid group")

// ID identifies a group by its content: the SHA-256 of its signing bytes (PROTOCOL.md §7).
type ID [32]byte

// String returns the ID in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText encodes the ID in hexadecimal.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText decodes 64 hexadecimal digits.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(id) {
		return fmt.Errorf("parse group ID: %d characters, expected %d hexadecimal digits", len(text), 2*len(id))
	}
	if _, err := hex.Decode(id[:], text); err != nil {
		return fmt.Errorf("parse group ID: %w", err)
	}
	return nil
}

// Limits bound the blocks of a group. They belong to the group, so that every member applies the
// same ones and no verdict depends on a local setting. NewGroup takes the zero value as
// DefaultLimits.
type Limits struct {
	_             struct{} `cbor:",toarray"`
	PayloadBytes  uint32   // largest payload of a message, in bytes
	BlockMessages uint32   // largest number of messages in a block
	BlockBytes    uint32   // largest total size of a block's encoded messages, in bytes
}

// DefaultLimits returns limits that suit reports about 10,000 mixnodes from 100 members.
func DefaultLimits() Limits {
	return Limits{PayloadBytes: 256 << 10, BlockMessages: 1024, BlockBytes: 4 << 20}
}

// Upper bounds of Limits.
const (
	maxPayloadBytes  = 4 << 20
	maxBlockMessages = 1 << 16
	maxBlockBytes    = 64 << 20
)

// MaxLimits returns the largest limits that a group may have. They bound a decoder that does not
// know the group.
func MaxLimits() Limits {
	return Limits{PayloadBytes: maxPayloadBytes, BlockMessages: maxBlockMessages, BlockBytes: maxBlockBytes}
}

func (l Limits) validate() error {
	switch {
	case l.PayloadBytes < 1 || l.PayloadBytes > maxPayloadBytes:
		return fmt.Errorf("%w: payload limit %d, expected 1..%d bytes", ErrInvalid, l.PayloadBytes, maxPayloadBytes)
	case l.BlockMessages < 1 || l.BlockMessages > maxBlockMessages:
		return fmt.Errorf("%w: block limit %d messages, expected 1..%d", ErrInvalid, l.BlockMessages, maxBlockMessages)
	case l.BlockBytes < l.PayloadBytes || l.BlockBytes > maxBlockBytes:
		return fmt.Errorf("%w: block limit %d bytes, expected %d (one payload) to %d", ErrInvalid, l.BlockBytes, l.PayloadBytes, maxBlockBytes)
	}
	return nil
}

// Group is an immutable set of members, made by NewGroup or DecodeGroup. Its methods are safe for
// concurrent use.
type Group struct {
	network string
	number  uint64
	members []keys.Public // ascending
	index   map[keys.Public]int
	limits  Limits
	id      ID
}

// description is the encoded form of a group, from which its ID is derived.
type description struct {
	_       struct{} `cbor:",toarray"`
	Network string
	Number  uint64
	Members []keys.Public
	Limits  Limits
}

const domain = "ephemera/group/v1"

// NewGroup returns the group of the given keys, which may be in any order but must be distinct.
// None may be of small order. Numbers are 1..canonical.MaxNumber. Zero limits stand for
// DefaultLimits. Errors wrap ErrInvalid.
func NewGroup(network string, number uint64, members []keys.Public, limits Limits) (*Group, error) {
	if err := canonical.CheckNumber(number); err != nil {
		return nil, fmt.Errorf("%w: group number: %w", ErrInvalid, err)
	}
	for _, key := range members {
		if err := key.CheckOrder(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return newGroup(network, number, members, limits)
}

// newGroup is NewGroup without the checks that older versions did not make.
func newGroup(network string, number uint64, members []keys.Public, limits Limits) (*Group, error) {
	if err := CheckNetwork(network); err != nil {
		return nil, err
	}
	if number == 0 {
		return nil, fmt.Errorf("%w: number 0, groups are numbered from 1", ErrInvalid)
	}
	if len(members) == 0 {
		return nil, fmt.Errorf("%w: no members, expected at least one", ErrInvalid)
	}
	if limits == (Limits{}) {
		limits = DefaultLimits()
	}
	if err := limits.validate(); err != nil {
		return nil, err
	}
	g := &Group{network: network, number: number, members: slices.Clone(members), limits: limits}
	slices.SortFunc(g.members, keys.Public.Compare)
	g.index = make(map[keys.Public]int, len(g.members))
	for i, key := range g.members {
		if _, twice := g.index[key]; twice {
			return nil, fmt.Errorf("%w: member %s is listed twice", ErrInvalid, key)
		}
		g.index[key] = i
	}
	g.id = sha256.Sum256(keys.SigningBytes(domain, network, g.Encode()))
	return g, nil
}

// Encode returns the canonical bytes of the group. DecodeGroup reads them.
func (g *Group) Encode() []byte {
	return canonical.Encode(description{Network: g.network, Number: g.number, Members: g.members, Limits: g.limits})
}

// maxGroupBytes fits a group of 100,000 members.
const maxGroupBytes = 4 << 20

// DecodeGroup decodes a group that Encode wrote. Errors wrap ErrInvalid.
func DecodeGroup(data []byte) (*Group, error) {
	var d description
	if err := canonical.Decode(data, maxGroupBytes, &d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return d.group(NewGroup)
}

// DecodeStoredGroup is DecodeGroup for what this program stored. It accepts groups with which older
// versions ran and that NewGroup refuses.
func DecodeStoredGroup(data []byte) (*Group, error) {
	var d description
	if err := canonical.DecodeStored(data, &d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return d.group(newGroup)
}

func (d description) group(make func(string, uint64, []keys.Public, Limits) (*Group, error)) (*Group, error) {
	if !slices.IsSortedFunc(d.Members, keys.Public.Compare) {
		return nil, fmt.Errorf("%w: members are not in byte order", ErrInvalid)
	}
	if d.Limits == (Limits{}) {
		return nil, fmt.Errorf("%w: limits are missing", ErrInvalid)
	}
	return make(d.Network, d.Number, d.Members, d.Limits)
}

// Network returns the name of the network that the group belongs to.
func (g *Group) Network() string { return g.network }

// Number returns the group's number, from 1.
func (g *Group) Number() uint64 { return g.number }

// ID returns the hash that identifies the group.
func (g *Group) ID() ID { return g.id }

// Limits returns the bounds on the group's blocks.
func (g *Group) Limits() Limits { return g.limits }

// N returns the number of members.
func (g *Group) N() int { return len(g.members) }

// F returns f, the number of Byzantine members that the group tolerates (package quorum).
func (g *Group) F() int { return quorum.Faulty(g.N()) }

// Q returns q, the number of echoes that certify a block (package quorum).
func (g *Group) Q() int { return quorum.Size(g.N()) }

// Member returns the i-th member in byte order, 0 <= i < N. It panics for any other i.
func (g *Group) Member(i int) keys.Public { return g.members[i] }

// Members returns all members in byte order. The caller may change the slice.
func (g *Group) Members() []keys.Public { return slices.Clone(g.members) }

// Index returns the position of a member in byte order, and whether key is a member.
func (g *Group) Index(key keys.Public) (int, bool) {
	i, ok := g.index[key]
	return i, ok
}

// Contains reports whether key is a member.
func (g *Group) Contains(key keys.Public) bool {
	_, ok := g.index[key]
	return ok
}

// CheckNetwork returns an error unless name is a valid network name: 1 to 64 characters, each of
// them a-z, 0-9, '-', '_', '.' or '/'. Errors wrap ErrInvalid.
func CheckNetwork(name string) error {
	if len(name) < 1 || len(name) > 64 {
		return fmt.Errorf("%w: network name has %d characters, expected 1..64", ErrInvalid, len(name))
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '/') {
			return fmt.Errorf("%w: network name %q holds %q, expected a-z, 0-9, '-', '_', '.' or '/'", ErrInvalid, name, c)
		}
	}
	return nil
}

// Peer describes a member: its key, a name to display, and the addresses to dial.
type Peer struct {
	Key       keys.Public `json:"key"`
	Name      string      `json:"name"`
	Addresses []string    `json:"addresses"` // libp2p multiaddrs without /p2p
}
