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

// Open decodes a frame and verifies everything in it: form, limits, membership and all signatures.
func (g Groups) Open(data []byte) (Frame, error) {
	frame, err := g.Decode(data)
	if err != nil {
		return nil, err
	}
	if err := g.Verify(frame); err != nil {
		return nil, err
	}
	return frame, nil
}

// Decode reads a frame and checks its form. Limits and membership of blocks, and all signatures,
// are left to Verify.
func (g Groups) Decode(data []byte) (Frame, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrInvalid)
	}
	if len(data) > g.bytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrInvalid, len(data), g.bytes)
	}
	frame, err := g.decodeBody(Kind(data[0]), data[1:])
	if err == nil {
		_, err = g.groupOf(frame)
	}
	if err != nil && g.mayBeNewer(data) {
		err = fmt.Errorf("%w, and has wider limits: %w", ErrUnknownGroup, err)
	}
	if err != nil {
		return nil, invalid(Kind(data[0]), err)
	}
	return frame, nil
}

// mayBeNewer tells whether a frame that the known groups' limits refuse could be a correct member's
// that knows another group.
func (g Groups) mayBeNewer(data []byte) bool {
	g.limits, g.members = membership.MaxLimits(), membership.MaxMembers
	frame, err := g.decodeBody(Kind(data[0]), data[1:])
	if err == nil {
		_, err = g.groupOf(frame)
	}
	_, messages := frame.(Messages)
	return errors.Is(err, ErrUnknownGroup) || err == nil && messages
}

// Verify checks every signature of a decoded frame, and that a proposal, block or certificate is
// one of its group.
func (g Groups) Verify(frame Frame) error {
	if err := g.verify(frame); err != nil {
		return invalid(frame.kind(), err)
	}
	return nil
}

func invalid(kind Kind, err error) error {
	if errors.Is(err, ErrInvalid) {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrInvalid, kind, err)
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
