package wire

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// ErrUnknownGroup reports a frame about a group that the receiver does not know. Its sender may be
// correct: one that has heard of a new group earlier. It is an ErrInvalid too, for those who know
// all groups there are.
var ErrUnknownGroup = fmt.Errorf("%w: its group is unknown", ErrInvalid)

// Groups decodes and verifies the frames of several groups of one network (R9): a frame names its
// group, or is about messages alone. What bounds a frame before its group is found is the widest of
// the groups' limits; then its own group's count. The value is immutable, its methods are safe for
// concurrent use. The zero value knows no group and refuses everything.
type Groups struct {
	network string
	known   []*membership.Group
	limits  membership.Limits // the widest of each kind
	members int               // of the largest group
	bytes   int               // of the longest frame
}

// NewGroups puts groups of one network together. Those that most frames are about come best first.
func NewGroups(groups ...*membership.Group) Groups {
	g := Groups{known: groups}
	for _, group := range groups {
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

// Open decodes a frame and verifies it at once, whoever sent it and whatever it costs. A node that
// has peers to weigh decodes, admits and verifies in steps of their own.
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
	for _, group := range g.known {
		if group.ID() == id {
			return group, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknownGroup, id)
}

// groupOf returns the group of a frame; nil for one that is about messages, about several blocks or
// announces a group.
func (g Groups) groupOf(frame Frame) (*membership.Group, error) {
	switch frame.(type) {
	case Messages, GetMessages, Blocks, Announce:
		return nil, nil
	}
	return g.find(GroupOf(frame))
}

// checkSlot tells whether a correct member can name this slot.
func (g Groups) checkSlot(slot block.Slot) error {
	group, err := g.find(slot.Group)
	switch {
	case err != nil:
		return err
	case !group.Contains(slot.Creator):
		return fmt.Errorf("creator %s is no member", slot.Creator)
	case slot.Height == 0:
		return errors.New("heights count from 1")
	}
	return nil
}
