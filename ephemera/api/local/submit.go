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

// SubmitEphemeraMessage implements api.API.
func (a local) SubmitEphemeraMessage(ctx context.Context, s api.Submission) (api.Submitted, error) {
	if err := cmp.Or(ctx.Err(), s.Check()); err != nil { // submit nothing for a caller that has gone
		return api.Submitted{}, err
	}
	group, err := a.openGroup(s.Group)
	if err != nil {
		return api.Submitted{}, err
	}
	if err := a.checkMakesBlocks(group); err != nil {
		return api.Submitted{}, err
	}
	if limit := group.Limits().PayloadBytes; uint64(len(s.Payload)) > uint64(limit) {
		return api.Submitted{}, api.NewProblem(api.TooLarge,
			fmt.Sprintf("payload is %d bytes, at most %d are allowed in group %d", len(s.Payload), limit, group.Number()))
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
	m, err := a.signAndSubmit(ctx, s, group)
	if err != nil {
		return api.Submitted{}, problem(err)
	}
	signed := api.NewMessage(m)
	return api.Submitted{ID: m.ID(), Message: &signed}, nil
}

// checkMakesBlocks refuses a message that would wait forever: it goes into this node's blocks only,
// and the node makes none in the group.
func (a local) checkMakesBlocks(group *membership.Group) error {
	if a.node.Config().Include != mempool.Own {
		return nil
	}
	if err := a.node.CanMakeBlocks(group); err != nil {
		return api.WrapProblem(api.Unavailable, fmt.Errorf("%w: submit to another member", err))
	}
	return nil
}

// submit submits a message for the blocks of any group or, if the caller gave a number, of one.
func (a local) submit(ctx context.Context, m block.Message, number uint64, group *membership.Group) error {
	if number == 0 {
		return a.node.Submit(ctx, m)
	}
	return a.node.SubmitIn(ctx, m, group.ID())
}

// maxAhead bounds how far ahead, in milliseconds, the node dates equal submissions to tell them
// apart.
const maxAhead = 1000

// signAndSubmit makes, signs and submits a message. Without a time every submission becomes a
// message of its own, even within one millisecond.
func (a local) signAndSubmit(ctx context.Context, s api.Submission, group *membership.Group) (m block.Message, err error) {
	now := time.Now().UnixMilli()
	for ahead := range int64(maxAhead) {
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
