// Package membership describes who takes part: a Group is an immutable, content-addressed, numbered
// set of members with the limits that all of them apply. Everything signed for a block names the ID
// of its group, and a block's quorum is counted there.
//
// Names and addresses (Peer) help to find a member and to print it; they are no part of a group's
// identity. The arithmetic of n, f and q: package quorum.
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

// MaxMembers bounds a group that a node runs in. Verification and simulation accept larger ones.
const MaxMembers = 100

// ErrInvalid reports a group or peer list that cannot be used.
var ErrInvalid = errors.New("invalid group")

// ID is the SHA-256 of a group's canonical description under its domain tag.
type ID [32]byte

// String returns the ID in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText encodes the ID in hexadecimal.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText decodes 64 hexadecimal digits.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(id) {
		return fmt.Errorf("group ID has %d characters, expected %d hexadecimal digits", len(text), 2*len(id))
	}
	_, err := hex.Decode(id[:], text)
	return err
}

// Limits are the bounds on blocks that every member of a group applies alike, so that no verdict
// depends on a local setting. The zero value stands for DefaultLimits.
type Limits struct {
	_             struct{} `cbor:",toarray"`
	PayloadBytes  uint32   // payload of one message
	BlockMessages uint32   // messages of one block
	BlockBytes    uint32   // encoded messages of one block together
}

// DefaultLimits suit reports of 10,000 mixnodes by 100 members.
func DefaultLimits() Limits {
	return Limits{PayloadBytes: 256 << 10, BlockMessages: 1024, BlockBytes: 4 << 20}
}

// Upper bounds of what a group may ask of its members.
const (
	maxPayloadBytes  = 4 << 20
	maxBlockMessages = 1 << 16
	maxBlockBytes    = 64 << 20
)

// MaxLimits returns the greatest limits that a group can have. Whoever decodes without knowing the
// group is bounded by them.
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

// Group is an immutable set of members. Its methods are safe for concurrent use.
type Group struct {
	network string
	number  uint64
	members []keys.Public // ascending
	index   map[keys.Public]int
	limits  Limits
	id      ID
}

// description is what a group's ID is the hash of.
type description struct {
	_       struct{} `cbor:",toarray"`
	Network string
	Number  uint64
	Members []keys.Public
	Limits  Limits
}

const domain = "ephemera/group/v1"

// NewGroup makes the group of these keys, given in any order. Numbers count from 1; zero limits
// stand for DefaultLimits.
func NewGroup(network string, number uint64, members []keys.Public, limits Limits) (*Group, error) {
	if err := CheckNetwork(network); err != nil {
		return nil, err
	}
	if number == 0 {
		return nil, fmt.Errorf("%w: groups are numbered from 1", ErrInvalid)
	}
	if len(members) == 0 {
		return nil, fmt.Errorf("%w: it has no members", ErrInvalid)
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

// Encode returns the canonical bytes of the group, for DecodeGroup.
func (g *Group) Encode() []byte {
	return canonical.Encode(description{Network: g.network, Number: g.number, Members: g.members, Limits: g.limits})
}

// maxGroupBytes fits a group of 100,000 members.
const maxGroupBytes = 4 << 20

// DecodeGroup reads what Encode wrote.
func DecodeGroup(data []byte) (*Group, error) {
	var d description
	if err := canonical.Decode(data, maxGroupBytes, &d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if !slices.IsSortedFunc(d.Members, keys.Public.Compare) {
		return nil, fmt.Errorf("%w: members are not in byte order", ErrInvalid)
	}
	if d.Limits == (Limits{}) {
		return nil, fmt.Errorf("%w: limits are missing", ErrInvalid)
	}
	return NewGroup(d.Network, d.Number, d.Members, d.Limits)
}

// Network returns the name of the network that the group belongs to.
func (g *Group) Network() string { return g.network }

// Number returns the group's number, from 1.
func (g *Group) Number() uint64 { return g.number }

// ID returns the group's content address.
func (g *Group) ID() ID { return g.id }

// Limits returns the bounds on blocks.
func (g *Group) Limits() Limits { return g.limits }

// N returns the number of members.
func (g *Group) N() int { return len(g.members) }

// F returns how many Byzantine members the group tolerates.
func (g *Group) F() int { return quorum.Faulty(g.N()) }

// Q returns how many echoes make a certificate.
func (g *Group) Q() int { return quorum.Size(g.N()) }

// Member returns the i-th member, 0 <= i < N, in the byte order of keys.
func (g *Group) Member(i int) keys.Public { return g.members[i] }

// Members returns all members in byte order. The slice is the caller's.
func (g *Group) Members() []keys.Public { return slices.Clone(g.members) }

// Index returns the place of a member in byte order.
func (g *Group) Index(key keys.Public) (int, bool) {
	i, ok := g.index[key]
	return i, ok
}

// Contains tells whether key is a member.
func (g *Group) Contains(key keys.Public) bool {
	_, ok := g.index[key]
	return ok
}

// CheckNetwork tells whether name can name a network: 1..64 characters of a-z, 0-9, '-', '_', '.'
// and '/'.
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

// Peer is what is known of a member beside its key: a name for people, and libp2p multiaddrs
// (without /p2p) to dial.
type Peer struct {
	Key       keys.Public `json:"key"`
	Name      string      `json:"name"`
	Addresses []string    `json:"addresses"`
}
