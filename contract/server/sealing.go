package server

import (
	"context"
	"errors"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/diskfault"
)

// keepSealing seals the annexes of the epochs that have closed, until ctx ends. The first start on
// a database of an earlier version seals those of all its epochs.
func (s *Server) keepSealing(ctx context.Context) {
	next := contract.Epoch(1)
	for {
		var err error
		if next, err = s.keeper.sealDue(ctx, next); err != nil && ctx.Err() == nil {
			s.log.Error("cannot seal annexes", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(checkEvery):
		}
	}
}

// sealDue seals the annexes of closed epochs from one on. It returns the epoch to continue with. An
// epoch that another program damaged is left out.
func (k *keeper) sealDue(ctx context.Context, from contract.Epoch) (contract.Epoch, error) {
	var failed error
	for ctx.Err() == nil {
		now := k.time()
		epoch, err := k.store.Unsealed(ctx, from, now)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err == nil {
			if err = k.seal(ctx, epoch, now); err != nil && !diskfault.Passes(err) && ctx.Err() == nil {
				failed, err = errors.Join(failed, err), nil
			}
		}
		if err != nil {
			return from, errors.Join(failed, err)
		}
		from = epoch + 1
	}
	return from, failed
}

func (k *keeper) time() contract.Millis {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now()
}

// seal makes the annex of a settled epoch that has closed, and stores it unless there is one.
func (k *keeper) seal(ctx context.Context, epoch contract.Epoch, now contract.Millis) error {
	all, err := k.store.Collect(ctx, epoch)
	if err != nil {
		return err
	}
	d, err := contract.DecodeDescription(all.Core.Description)
	if err != nil {
		return err
	}
	messages, headers := signedIn(d, all)
	all.DoubleReports, all.DoubleBlocks = verify.DoubleReports(d, messages), verify.DoubleBlocks(d.Group, headers)
	annex, err := all.Seal(all.Core, now, k.key)
	if err != nil {
		return err
	}
	for _, double := range annex.DoubleReports {
		k.log.Warn("member signed two reports", "epoch", epoch, "member", k.name(double.Reporter))
	}
	for _, double := range annex.DoubleBlocks {
		k.log.Warn("member signed two blocks", "epoch", epoch, "member", k.name(double.First.Header.Creator), "height", double.First.Header.Height)
	}
	return k.store.PutAnnex(ctx, annex)
}

// signedIn returns what members may have signed twice: the messages and headers of the winner's
// block, those of late submissions, and last those of invalid ones, as far as they can be decoded.
func signedIn(d contract.Description, all store.Collected) (messages []block.Message, headers []block.SignedHeader) {
	submissions := [][]byte{all.Core.Submission}
	for _, late := range all.Late {
		submissions = append(submissions, late.Submission)
	}
	for _, encoded := range append(submissions, all.Invalid...) {
		s, err := contract.DecodeSubmission(encoded, len(encoded))
		if err != nil || len(s.Block) == 0 {
			continue
		}
		b, err := block.Decode(s.Block, d.Group.Limits())
		if err != nil {
			continue
		}
		messages, headers = append(messages, b.Messages...), append(headers, b.SignedHeader)
	}
	return messages, headers
}
