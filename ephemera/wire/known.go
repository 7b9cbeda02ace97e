package wire

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// ErrUnknownGroup reports a frame about a group that the receiver does not know. The sender may be
// correct and merely ahead: it heard of a new group first. It wraps ErrInvalid for receivers that
// know every group.
var ErrUnknownGroup = fmt.Errorf("%w: unknown group", ErrInvalid)

// Groups decodes the frames of several groups of one network (R9). A frame names its group, or is
// about messages alone. Until its group is known, a frame is bounded by the widest limits of all
// groups; then its own group's limits apply. A Groups is immutable and safe for concurrent use. The
// zero value knows no group and refuses everything.
type Groups struct {
	network string
	known   map[membership.ID]*membership.Group
	limits  membership.Limits // the widest of each kind
	members int               // of the largest group
	bytes   int               // of the longest frame
}

// NewGroups joins groups of one network.
func NewGroups(groups ...*membership.Group) Groups {
	g := Groups{known: make(map[membership.ID]*membership.Group, len(groups))}
	for _, group := range groups {
		g.known[group.ID()] = group
		limits := group.Limits()
		g.network = group.Network()
		g.limits.PayloadBytes = max(g.limits.PayloadBytes, limits.PayloadBytes)
		g.limits.BlockMessages = max(g.limits.BlockMessages, limits.BlockMessages)
		g.limits.BlockBytes = max(g.limits.BlockBytes, limits.BlockBytes)
		g.members = max(g.members, group.N())
		g.bytes = max(g.bytes, MaxFrameBytes(group))
	}
	return g
}

// Open decodes a frame, admits it and verifies it, regardless of who sent it and what that costs.
// Nodes go through the three stages one by one.
func (g Groups) Open(data []byte) (Verified, error) {
	decoded, err := g.Decode(data)
	if err != nil {
		return Verified{}, err
	}
	admitted, err := decoded.Admit()
	if err != nil {
		return Verified{}, err
	}
	return NewVerifier(g, forgetful{}).Verify(admitted)
}

// find returns the group of this ID.
func (g Groups) find(id membership.ID) (*membership.Group, error) {
	group, ok := g.known[id]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknownGroup, id)
	}
	return group, nil
}

// MaxFrameBytes returns the length of the longest frame in any of the groups.
func (g Groups) MaxFrameBytes() int { return g.bytes }

// IsMember reports whether a group is known and has this member.
func (g Groups) IsMember(id membership.ID, key keys.Public) bool {
	group, ok := g.known[id]
	return ok && group.Contains(key)
}

// Of returns the group that a frame is about. It is nil if the group is unknown, or if the frame is
// about messages, about several blocks or about the newest group.
func (g Groups) Of(frame Frame) *membership.Group {
	group, _ := g.groupOf(frame)
	return group
}

// groupOf returns the group of a frame. It is nil for a frame about messages, about several blocks
// or about the newest group.
func (g Groups) groupOf(frame Frame) (*membership.Group, error) {
	switch frame.(type) {
	case Messages, GetMessages, Blocks, Announce, Newest, GetGroup, Description, Pool, GetListing, Listing:
		return nil, nil
	}
	return g.find(GroupOf(frame))
}

// checkSlot returns an error if no correct member names this slot.
func (g Groups) checkSlot(slot block.Slot) error {
	group, err := g.find(slot.Group)
	switch {
	case err != nil:
		return err
	case !group.Contains(slot.Creator):
		return fmt.Errorf("creator %s is not a member", slot.Creator)
	case slot.Height == 0:
		return errors.New("heights start at 1")
	}
	return nil
}
