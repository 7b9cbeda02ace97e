package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// addMatrices adds to each rewarded record the reports of a certified block of its epoch: the
// winner's block if it submitted one, otherwise the first that a Nym-API holds. The Nym-APIs must
// have stopped.
func (r *modeRun) addMatrices(ctx context.Context, records []Record) error {
	if r.mode == Single {
		return nil
	}
	for i, record := range records {
		if record.Detail.Status != contract.StatusRewarded {
			continue
		}
		bundle, err := onceFree(ctx, func() (contract.Bundle, error) { return r.client.Bundle(ctx, record.Detail.ID) })
		if err != nil {
			return fmt.Errorf("evidence of epoch %d: %w", record.Detail.ID, err)
		}
		if records[i].Matrix, err = certified(record.Detail.Description, bundle.Submission); err != nil {
			return fmt.Errorf("evidence of epoch %d: %w", record.Detail.ID, err)
		}
	}
	for _, m := range r.members {
		if !slices.ContainsFunc(records, lacksMatrix) {
			break
		}
		if err := addHeld(ctx, m.home, records); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

func lacksMatrix(r Record) bool { return r.Detail.Status == contract.StatusRewarded && r.Matrix == nil }

// addHeld adds missing matrices from the certified blocks in a Nym-API's folder.
func addHeld(ctx context.Context, dir string, records []Record) error {
	first := records[slices.IndexFunc(records, lacksMatrix)].Detail.Description
	h, err := home.Open(ctx, dir, first.Network, nil)
	if err != nil {
		return err
	}
	return errors.Join(addBlocks(ctx, h.Store, first.Group.ID(), records), h.Close())
}

func addBlocks(ctx context.Context, held store.Store, group membership.ID, records []Record) error {
	state, err := held.Load(ctx, group)
	if err != nil {
		return err
	}
	for _, chain := range state.Chains {
		for height := uint64(1); height <= chain.Certified; height++ {
			found, err := held.Certified(ctx, block.Slot{Group: group, Creator: chain.Creator, Height: height})
			if err != nil {
				return err
			}
			addBlock(found.Block, records)
		}
	}
	return nil
}

// addBlock adds the reports of a block to the record of its epoch, if it has one.
func addBlock(b block.Block, records []Record) {
	for i, record := range records {
		if !lacksMatrix(record) {
			continue
		}
		if matrix, _, err := verify.Matrix(b, record.Detail.Description); err == nil {
			records[i].Matrix = &matrix
		}
	}
}

// certified returns the reports of the block in a submission, nil if it has no block.
func certified(d contract.Description, encoded []byte) (*metrics.Matrix, error) {
	submission, err := contract.DecodeSubmission(encoded, contract.MaxSubmissionBytes(d.Group, len(d.Mixnodes)))
	if err != nil || len(submission.Block) == 0 {
		return nil, err
	}
	verified, err := verify.Certified(d, submission)
	if err != nil {
		return nil, err
	}
	matrix := verified.Matrix // so that the block is not retained
	return &matrix, nil
}
