package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/mempool"
)

// SubmitEphemeraMessage implements API.
func (a local) SubmitEphemeraMessage(ctx context.Context, s api.Submission) (api.Submitted, error) {
	if err := cmp.Or(ctx.Err(), s.Check()); err != nil { // a caller that is gone submits nothing
		return api.Submitted{}, err
	}
	group, err := a.open(s.Group)
	if err != nil {
		return api.Submitted{}, err
	}
	if err := a.makesBlocks(group); err != nil {
		return api.Submitted{}, err
	}
	if limit := group.Limits().PayloadBytes; uint64(len(s.Payload)) > uint64(limit) {
		return api.Submitted{}, api.NewProblem(api.TooLarge, fmt.Sprintf("payload of %d bytes, group %d takes at most %d", len(s.Payload), group.Number(), limit))
	}
	if !s.NodeSigns() {
		m, err := s.Message()
		if err != nil {
			return api.Submitted{}, err
		}
		if err := a.submit(ctx, m, s.Group, group); err != nil {
			return api.Submitted{}, problem(err)
		}
		return api.Submitted{ID: m.ID()}, nil
	}
	m, err := a.signed(ctx, s, group)
	if err != nil {
		return api.Submitted{}, problem(err)
	}
	signed := api.NewMessage(m)
	return api.Submitted{ID: m.ID(), Message: &signed}, nil
}

// makesBlocks refuses what would wait for ever: a node that takes its own messages alone, and makes
// no blocks in the group.
func (a local) makesBlocks(group *membership.Group) error {
	if a.node.Config().Include != mempool.Own {
		return nil
	}
	if err := a.node.CanMakeBlocks(group); err != nil {
		return api.WrapProblem(api.Unavailable, fmt.Errorf("%w: submit to another member", err))
	}
	return nil
}

// submit directs a message to the blocks of a group where the caller named one.
func (a local) submit(ctx context.Context, m block.Message, number uint64, group *membership.Group) error {
	if number == 0 {
		return a.node.Submit(ctx, m)
	}
	return a.node.SubmitIn(ctx, m, group.ID())
}

// sameMoment bounds the equal submissions of one millisecond that the node signs as different
// messages.
const sameMoment = 1000

// signed makes, signs and submits a message. Without a time each submission is a message of its
// own, also within a millisecond.
func (a local) signed(ctx context.Context, s api.Submission, group *membership.Group) (m block.Message, err error) {
	now := time.Now().UnixMilli()
	for ahead := range int64(sameMoment) {
		m, err = block.NewMessage(a.key, group.Network(), s.Label, s.Payload, cmp.Or(s.Time, now+ahead))
		if err != nil {
			return m, err
		}
		err = a.submit(ctx, m, s.Group, group)
		if s.Time != 0 || !errors.Is(err, mempool.ErrDuplicate) {
			return m, err
		}
	}
	return m, err
}
