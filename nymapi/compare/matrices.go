package compare

import (
	"context"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// addEvidence adds to the outcome what is only known when the Nym-APIs have stopped: the reports of
// a certified block of each rewarded epoch, what its certified blocks would have paid, and who was
// caught. The reports are those of the winner's block if it submitted one, otherwise of the first
// that a Nym-API holds.
func (r *modeRun) addEvidence(ctx context.Context, o *Outcome) error {
	info, err := onceFree(ctx, func() (contract.PeerInfo, error) { return r.client.PeerInfo(ctx) })
	if err != nil {
		return fmt.Errorf("names of the members: %w", err)
	}
	o.Names = map[keys.Public]string{}
	for _, member := range info.Members {
		o.Names[member.Key] = member.Name
	}
	found := offences{}
	found.addSubmissions(o.Records, o.Names)
	if r.mode == Ephemera {
		if err := r.addWinners(ctx, o.Records); err != nil {
			return err
		}
		if err := r.addHeld(ctx, o.Records, found); err != nil {
			return err
		}
	}
	o.Caught = found.list(r.mode, o.Names, r.plan.input.name)
	return nil
}

// addWinners adds the reports of the winners' blocks.
func (r *modeRun) addWinners(ctx context.Context, records []Record) error {
	for i, record := range records {
		if record.Detail.Status != contract.StatusRewarded {
			continue
		}
		core, err := onceFree(ctx, func() (contract.Core, error) { return r.client.Core(ctx, record.Detail.ID) })
		if err != nil {
			return fmt.Errorf("evidence of epoch %d: %w", record.Detail.ID, err)
		}
		if records[i].Matrix, err = certified(record.Detail.Description, core.Submission); err != nil {
			return fmt.Errorf("evidence of epoch %d: %w", record.Detail.ID, err)
		}
	}
	return nil
}

func lacksMatrix(r Record) bool { return r.Detail.Status == contract.StatusRewarded && r.Matrix == nil }

// addHeld adds what the Nym-APIs hold: certified blocks, each once, and evidence.
func (r *modeRun) addHeld(ctx context.Context, records []Record, found offences) error {
	if len(records) == 0 {
		return nil
	}
	seen := map[block.Slot]bool{}
	for _, m := range r.members {
		err := found.addReports(ctx, m.home, len(records))
		if err == nil {
			err = addStore(ctx, m.home, records, seen, found)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// addStore adds the certified blocks of a Nym-API's store that were not seen before.
func addStore(ctx context.Context, dir string, records []Record, seen map[block.Slot]bool, found offences) error {
	first := records[0].Detail.Description
	h, err := home.Open(ctx, dir, first.Network, nil)
	if err != nil {
		return err
	}
	err = addBlocks(ctx, h.Store, first.Group.ID(), records, seen)
	if err == nil {
		err = found.addBlocks(ctx, h.Store)
	}
	return errors.Join(err, h.Close())
}

func addBlocks(ctx context.Context, held store.Store, group membership.ID, records []Record, seen map[block.Slot]bool) error {
	state, err := held.Load(ctx, group)
	if err != nil {
		return err
	}
	for _, chain := range state.Chains {
		for height := uint64(1); height <= chain.Certified; height++ {
			slot := block.Slot{Group: group, Creator: chain.Creator, Height: height}
			if seen[slot] {
				continue
			}
			found, err := held.Certified(ctx, slot)
			if err != nil {
				return err
			}
			seen[slot] = true
			if err := addBlock(found.Block, records); err != nil {
				return err
			}
		}
	}
	return nil
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
