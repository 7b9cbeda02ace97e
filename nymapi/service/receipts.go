package service

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// witness is the contract's client, which has every receipt kept that the contract gives.
type witness struct {
	*client.Client
	receipts *rewards.Receipts
}

func (s *Service) contract() witness { return witness{s.client, s.receipts.Load()} }

// Submit keeps the receipt before it returns it.
func (w witness) Submit(ctx context.Context, s contract.Submission) (contract.Receipt, error) {
	receipt, err := w.Client.Submit(ctx, s)
	if err != nil {
		return receipt, err
	}
	return receipt, w.take(ctx, s.Epoch, receipt)
}

// EpochDetail keeps the receipt, if there is one, before it returns the details.
func (w witness) EpochDetail(ctx context.Context, id contract.Epoch) (contract.EpochDetail, error) {
	detail, err := w.Client.EpochDetail(ctx, id)
	if err != nil || detail.Receipt == nil {
		return detail, err
	}
	return detail, w.take(ctx, id, *detail.Receipt)
}

// Core keeps the receipt in a core, if there is one, before it returns it.
func (w witness) Core(ctx context.Context, id contract.Epoch) (contract.Core, error) {
	core, err := w.Client.Core(ctx, id)
	if err != nil || core.Missed() {
		return core, err
	}
	receipt, err := contract.DecodeReceipt(core.Receipt)
	if err != nil {
		return core, err
	}
	return core, w.take(ctx, id, receipt)
}

// bundlesFolder is the folder of cores in that of the Nym-API.
const bundlesFolder = "bundles"

// runCores keeps the cores of settled epochs, if the configuration says so.
func (s *Service) runCores(ctx context.Context, clock *epoch.Clock) error {
	if s.config.Bundles > 0 {
		cores := &rewards.Cores{Contract: s.contract(), Folder: filepath.Join(s.config.Home, bundlesFolder), Keep: s.config.Bundles, Logger: s.log}
		cores.Run(ctx, clock)
	}
	return nil
}

// core returns the core of a settled epoch: the one that is kept, or else that of the contract.
func (s *Service) core(ctx context.Context, id contract.Epoch) (contract.Core, error) {
	if data, err := s.kept().Load(id); err == nil {
		if core, err := contract.DecodeCore(data); err == nil {
			return core, nil
		}
	}
	return s.contract().Core(ctx, id)
}

// take returns only errors of the database. What a foreign receipt comes with is judged without it.
func (w witness) take(ctx context.Context, id contract.Epoch, receipt contract.Receipt) error {
	if err := w.receipts.Take(ctx, id, receipt); !errors.Is(err, rewards.ErrForeignReceipt) {
		return err
	}
	return nil
}

// openClock opens what follows the contract: its clock, and its receipts.
func (s *Service) openClock(ctx context.Context, pinned rewards.Contract, group *membership.Group) (*epoch.Clock, error) {
	receipts, err := rewards.NewReceipts(ctx, rewards.ReceiptsConfig{
		Network: pinned.Network, Key: pinned.Key, Contract: s.client, Store: s.folder.rewards, Folder: s.config.Home, Logger: s.log,
	})
	if err != nil {
		return nil, err
	}
	s.receipts.Store(receipts)
	clock, err := epoch.Open(ctx, epoch.Config{
		Contract: s.contract(), Store: s.folder.rewards, Check: checkDescription(pinned, group, s.config.Mode), Core: s.core, AcceptHistory: s.config.AcceptHistory, Logger: s.log,
	})
	if err != nil {
		return nil, err
	}
	s.clock.Store(clock)
	return clock, nil
}
