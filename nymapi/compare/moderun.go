package compare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/server"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// modeRun is the run of one mode: a contract, and the Nym-APIs that take part.
type modeRun struct {
	plan     *Plan
	mode     Mode
	dir      string // of the contract's and the Nym-APIs' data
	options  Options
	progress *progressReporter

	contract *server.Server
	client   *client.Client // of the comparison; each Nym-API has its own
	members  []*member      // that are running
	offline  []keys.Public  // of the members that never run
}

// run runs the mode from start to end.
func (r *modeRun) run(ctx context.Context) (Outcome, error) {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return Outcome{}, err
	}
	config, err := r.contractConfig()
	if err != nil {
		return Outcome{}, err
	}
	if r.contract, err = server.New(config); err != nil {
		return Outcome{}, err
	}
	// The contract outlives ctx: its records are read afterwards.
	contract := start(context.WithoutCancel(ctx), "contract", r.contract.Run)
	if r.client, err = client.New(r.contract.URL(), nil); err != nil {
		return Outcome{}, errors.Join(err, contract.stop())
	}
	defer r.client.Close()
	outcome, err := r.runMembers(ctx, contract)
	return outcome, errors.Join(err, contract.stop())
}

// runMembers starts the Nym-APIs, waits for the epochs, reads the contract's records, and stops the
// Nym-APIs.
func (r *modeRun) runMembers(ctx context.Context, contract *task) (Outcome, error) {
	if err := r.enrolOffline(ctx); err != nil {
		return Outcome{}, err
	}
	if err := r.startMembers(ctx); err != nil {
		return Outcome{}, errors.Join(err, r.stopMembers())
	}
	waited := r.awaitSettled(ctx, contract)
	finishing, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.plan.finishTime())
	defer cancel()
	if waited != nil && ctx.Err() == nil {
		return Outcome{}, errors.Join(waited, r.stopMembers())
	}
	outcome, err := r.readOutcome(finishing)
	if err = errors.Join(err, r.stopMembers()); err != nil {
		return outcome, err
	}
	if err := r.addEvidence(finishing, &outcome); err != nil {
		return outcome, err
	}
	if outcome.Verification, err = r.verify(ctx, outcome.Records); err != nil {
		return outcome, errors.Join(waited, fmt.Errorf("verify the evidence: %w", err))
	}
	if err := r.copyEvidence(); err != nil {
		return outcome, errors.Join(waited, err)
	}
	return outcome, errors.Join(waited, r.backup(ctx))
}

// backup copies the database, which has the annexes when the evidence is verified.
func (r *modeRun) backup(ctx context.Context) error {
	if r.options.Database == nil {
		return nil
	}
	finishing, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.plan.finishTime())
	defer cancel()
	return r.contract.Backup(finishing, r.options.Database(r.mode))
}

// contractConfig returns the rules of the mode's contract.
func (r *modeRun) contractConfig() (server.Config, error) {
	p := r.plan
	estimator, err := metrics.ParseEstimator(p.Estimator)
	if err != nil {
		return server.Config{}, err
	}
	config := server.Config{
		Database: filepath.Join(r.dir, "contract.db"), KeyFile: r.keyFile(), Expected: len(r.numbers()), FirstEpochDelay: r.settlingTime(),
		EpochDuration: p.Epoch, AcceptEpochs: acceptEpochs, CarryLimit: carryEpochs, Mixnodes: p.input.mixnodes(), Estimator: estimator,
		Mode: contract.ModeFull, Logger: r.logger().With("logger", "contract"),
	}
	switch {
	case p.Verify == VerifyNone:
		config.Mode = contract.ModeNone
	case r.mode == Single:
		config.Mode = contract.ModeSingle
	case r.mode == Performance:
		config.Mode = contract.ModePerformance
	}
	if p.Source == SourceTrace {
		config.Advance = server.WhenDecided
	}
	return config, nil
}

// keyFile returns the file with the contract's private key.
func (r *modeRun) keyFile() string { return filepath.Join(r.dir, "key") }

// settlingTime returns the time from the moment when the group is complete to the first epoch, in
// which members connect to each other.
func (r *modeRun) settlingTime() time.Duration {
	if r.mode != Ephemera {
		return 500 * time.Millisecond
	}
	n := time.Duration(r.plan.Nodes)
	return time.Second + n*50*time.Millisecond + n*n*5*time.Millisecond
}

func (r *modeRun) logger() *slog.Logger {
	if r.options.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.options.Logger.With("mode", string(r.mode))
}

// numbers returns the Nym-APIs that are members in this mode.
func (r *modeRun) numbers() []int {
	if r.mode == Single {
		return []int{r.plan.Single}
	}
	numbers := make([]int, r.plan.Nodes)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

// awaitSettled waits until all epochs are settled and reports each. The error is that of ctx, of a
// part that stopped by itself, or says that it took too long.
func (r *modeRun) awaitSettled(ctx context.Context, contract *task) error {
	most := r.settlingTime() + 3*r.plan.EstimatedTime() + acceptEpochs*r.plan.Epoch + slack
	limit := time.NewTimer(most)
	defer limit.Stop()
	again := time.NewTicker(min(max(r.plan.Epoch/20, 20*time.Millisecond), 250*time.Millisecond))
	defer again.Stop()
	for settled := 0; ; {
		next, err := r.reportSettled(ctx, settled)
		if err != nil {
			return err
		}
		if settled = next; settled == r.plan.Epochs {
			return r.awaitLate(ctx, again.C)
		}
		if err := r.failure(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-contract.done:
			return errors.Join(errors.New("the contract stopped by itself"), contract.failure())
		case <-limit.C:
			return fmt.Errorf("epoch %d of %d is not settled after %s: the machine may be too slow for %d Nym-APIs; "+
				"give a longer --epoch", settled+1, r.plan.Epochs, most, r.plan.Nodes)
		case <-again.C:
		}
	}
}

// reportSettled reports the epochs that were settled after the first settled ones, and returns how
// many are settled now.
func (r *modeRun) reportSettled(ctx context.Context, settled int) (int, error) {
	const page = 100
	for settled < r.plan.Epochs {
		last := min(settled+page, r.plan.Epochs)
		list, err := r.client.Epochs(ctx, contract.Epoch(last), last-settled)
		if errors.Is(err, contract.NotStarted) || errors.Is(err, contract.NotFound) || isBusy(err) {
			return settled, nil // it is asked again soon
		}
		if err != nil {
			return settled, err
		}
		before := settled
		for i := len(list) - 1; i >= 0; i-- { // the newest is the first
			if summary := list[i]; int(summary.ID) == settled+1 && summary.Status != contract.StatusOpen {
				settled++
				r.progress.settled(r.mode, settled, Record{Detail: contract.EpochDetail{EpochSummary: summary}})
			}
		}
		if settled == before || settled < last {
			break
		}
	}
	return settled, nil
}

// awaitLate waits, for half an epoch at most, until the late submissions for the last epoch are in
// the contract's records.
func (r *modeRun) awaitLate(ctx context.Context, again <-chan time.Time) error {
	if r.mode == Performance {
		return nil // its transition takes nothing late
	}
	limit := time.NewTimer(min(r.plan.Epoch/2, 2*time.Second))
	defer limit.Stop()
	for {
		detail, err := r.client.EpochDetail(ctx, contract.Epoch(r.plan.Epochs))
		if err != nil && !isBusy(err) {
			return err
		}
		if err == nil && (detail.Status == contract.StatusMissed || len(detail.Attempts) >= len(r.members)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return nil
		case <-again:
		}
	}
}

// readOutcome returns the contract's records of the settled epochs, and what was sent until now.
func (r *modeRun) readOutcome(ctx context.Context) (Outcome, error) {
	o := Outcome{Mode: r.mode, Running: len(r.members)}
	current, err := onceFree(ctx, func() (contract.CurrentEpoch, error) { return r.client.Epoch(ctx) })
	if errors.Is(err, contract.NotStarted) {
		return o, nil
	}
	if err != nil {
		return o, err
	}
	o.Ended = int(current.ID) - 1
	if current.ServerTime >= current.Start+contract.Millis(current.DurationMS) {
		o.Ended++
	}
	for _, m := range r.members {
		o.SentBytes += m.sentBytes()
	}
	for epoch := contract.Epoch(1); epoch <= min(contract.Epoch(r.plan.Epochs), current.ID); epoch++ {
		detail, err := onceFree(ctx, func() (contract.EpochDetail, error) { return r.client.EpochDetail(ctx, epoch) })
		if err != nil {
			return o, err
		}
		if detail.Status == contract.StatusOpen {
			break
		}
		o.Records = append(o.Records, Record{Detail: detail})
	}
	return o, nil
}
