package api

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Fork proves that two blocks were certified for one slot, and so that more members are faulty than
// their group tolerates. The node has stopped the chain. Verify checks the encoded certificates,
// and that everything else agrees with them.
type Fork struct {
	Creator     keys.Public   `json:"creator" doc:"The member whose chain has stopped."`
	Group       membership.ID `json:"group"`
	GroupNumber uint64        `json:"group_number"`
	Height      uint64        `json:"height"`
	SignedBoth  []Signer      `json:"signed_both" nullable:"false" doc:"The members that signed both blocks, in the byte order of their keys: more than f."`
	A           ForkSide      `json:"a"`
	B           ForkSide      `json:"b"`
	// Encoded is the canonical encoding of the group, so that a reader who knows its ID needs nothing
	// else.
	Encoded Bytes `json:"group_encoded" doc:"Canonical bytes of the group."`
}

// ForkSide is one of two certified blocks of a slot.
type ForkSide struct {
	Block   block.ID `json:"block" doc:"The block's ID."`
	Encoded Bytes    `json:"certificate" doc:"Canonical bytes of its certificate."`
}

// Signer is a member that signed something.
type Signer struct {
	Key    keys.Public `json:"key"`
	PeerID string      `json:"peer_id"`
	Name   string      `json:"name,omitempty" doc:"The member's name in the node's membership list."`
}

// NewFork returns the API's form of two valid certificates for different blocks of one slot of a
// group. The function name returns members' names; it may be nil.
func NewFork(group *membership.Group, a, b certificate.Certificate, name func(keys.Public) string) Fork {
	out := Fork{
		Creator: a.Slot.Creator, Group: group.ID(), GroupNumber: group.Number(), Height: a.Slot.Height, SignedBoth: []Signer{},
		A: ForkSide{Block: a.Block, Encoded: a.Encode()}, B: ForkSide{Block: b.Block, Encoded: b.Encode()}, Encoded: group.Encode(),
	}
	for _, key := range certificate.DoubleSigners(group, a, b) {
		signer := Signer{Key: key, PeerID: key.PeerID()}
		if name != nil {
			signer.Name = name(key)
		}
		out.SignedBoth = append(out.SignedBoth, signer)
	}
	return out
}

// Verify returns nil if the certificates prove the fork in a group that the caller trusts. The
// error wraps certificate.ErrInvalid.
func (f Fork) Verify(group *membership.Group) error {
	a, err := certificate.Decode(f.A.Encoded, group.N())
	if err != nil {
		return err
	}
	b, err := certificate.Decode(f.B.Encoded, group.N())
	if err != nil {
		return err
	}
	if err := certificate.VerifyFork(group, a, b); err != nil {
		return err
	}
	proven := NewFork(group, a, b, nil)
	same := func(a, b Signer) bool { return a.Key == b.Key && a.PeerID == b.PeerID }
	if f.Creator != proven.Creator || f.Group != proven.Group || f.GroupNumber != proven.GroupNumber || f.Height != proven.Height ||
		f.A.Block != proven.A.Block || f.B.Block != proven.B.Block || !slices.EqualFunc(f.SignedBoth, proven.SignedBoth, same) {
		return fmt.Errorf("%w: its fields differ from what its certificates prove", certificate.ErrInvalid)
	}
	return nil
}

// OfGroup returns the group that the fork brings along. It is the one with the ID that the fork
// names; whether to trust it is for the caller to say.
func (f Fork) OfGroup() (*membership.Group, error) {
	group, err := membership.DecodeGroup(f.Encoded)
	if err != nil {
		return nil, err
	}
	if group.ID() != f.Group {
		return nil, fmt.Errorf("%w: the fork names group %s and brings group %s", certificate.ErrInvalid, f.Group, group.ID())
	}
	return group, nil
}

// File returns the proof as a file that others can check without a node.
func (f Fork) File() evidence.File { return evidence.New(evidence.Fork, f.A.Encoded, f.B.Encoded) }
