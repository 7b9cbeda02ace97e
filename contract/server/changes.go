package server

import (
	"context"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// reportChanges logs each setting that a database of an earlier start does not let take effect, and
// each that will change the description of the next epochs.
func (k *keeper) reportChanges() {
	if k.group != nil && k.cfg.expected() != k.group.N() {
		k.log.Warn("setting has no effect: the group of this database is closed; use a new database for another group",
			"setting", "expect", "given", k.cfg.expected(), "kept", k.group.N())
	}
	if k.newest.Epoch == 0 {
		return
	}
	before, entry := k.newest, k.ledger.Newest()
	for _, s := range []struct {
		setting     string
		given, last any
	}{
		{"epoch", k.cfg.EpochDuration.Milliseconds(), int64(before.End - before.Start)},
		{"accept-epochs", int64(k.cfg.AcceptEpochs), int64(entry.Close-entry.End) / int64(entry.End-entry.Start)},
		{"estimator", k.cfg.Estimator.Name(), before.Rules.Estimator},
		{"carry", uint16(k.cfg.CarryLimit), before.Rules.CarryLimit},
		{"mode", k.cfg.Mode, before.Rules.Mode},
	} {
		if s.given != s.last {
			k.reportChange(s.setting, s.given, s.last)
		}
	}
	if !slices.Equal(k.cfg.Mixnodes, before.Mixnodes) {
		k.reportChange("mixnodes", len(k.cfg.Mixnodes), len(before.Mixnodes))
	}
	if key, err := k.authorised(); err == nil && k.cfg.Mode == contract.ModeSingle && before.Rules.Mode == contract.ModeSingle && key != before.Rules.Authorised {
		k.reportChange("authorised", key, before.Rules.Authorised)
	}
}

// keepSettings does the same for settings that no epoch shows, and stores them for the next start.
func (k *keeper) keepSettings(ctx context.Context) error {
	kept, err := k.store.Settings(ctx)
	if err != nil {
		return err
	}
	const advance, firstEpoch = "advance", "first-epoch"
	given := map[string]string{advance: string(k.cfg.Advance), firstEpoch: k.cfg.FirstEpochDelay.String()}
	if before, known := kept[advance]; known && before != given[advance] {
		k.reportChange(advance, given[advance], before)
	}
	if before, known := kept[firstEpoch]; known && k.newest.Epoch != 0 {
		if before != given[firstEpoch] {
			k.log.Warn("setting has no effect: the first epoch of this database has its time; use a new database for another time",
				"setting", firstEpoch, "given", given[firstEpoch], "kept", before)
		}
		delete(given, firstEpoch)
	}
	return k.store.KeepSettings(ctx, given)
}

func (k *keeper) reportChange(setting string, given, before any) {
	k.log.Warn("setting differs from the newest epoch: it applies from the next one",
		"setting", setting, "given", given, "epoch", k.newest.Epoch, "before", before)
}
