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
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// stage is one mode while it runs: a contract, and the Nym-APIs that take part.
type stage struct {
	plan    *Plan
	mode    Mode
	dir     string // of the contract's and the Nym-APIs' data
	options Options
	told    *teller

	contract *server.Server
	client   *client.Client // of the experiment; the Nym-APIs have their own
	members  []*member      // that run
}

// run runs the mode from start to end.
func (s *stage) run(ctx context.Context) (Outcome, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return Outcome{}, err
	}
	config, err := s.contractConfig()
	if err != nil {
		return Outcome{}, err
	}
	if s.contract, err = server.New(config); err != nil {
		return Outcome{}, err
	}
	// The contract outlives ctx, to be asked about what is finished.
	contract := start(context.WithoutCancel(ctx), "contract", s.contract.Run)
	if s.client, err = client.New(s.contract.URL(), nil); err != nil {
		return Outcome{}, errors.Join(err, contract.stop())
	}
	defer s.client.Close()
	outcome, err := s.perform(ctx, contract)
	return outcome, errors.Join(err, contract.stop())
}

// perform starts the Nym-APIs, waits for the epochs, reads what the contract says, and stops the
// Nym-APIs.
func (s *stage) perform(ctx context.Context, contract *task) (Outcome, error) {
	if err := s.enrolAway(ctx); err != nil {
		return Outcome{}, err
	}
	if err := s.startMembers(ctx); err != nil {
		return Outcome{}, errors.Join(err, s.stopMembers())
	}
	watched := s.watch(ctx, contract)
	finishing, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	if watched != nil && ctx.Err() == nil {
		return Outcome{}, errors.Join(watched, s.stopMembers())
	}
	outcome, err := s.read(finishing)
	if err = errors.Join(err, s.stopMembers()); err != nil {
		return outcome, err
	}
	if err := s.addMatrices(finishing, outcome.Records); err != nil {
		return outcome, err
	}
	if s.options.Database != nil {
		err = s.contract.Backup(finishing, s.options.Database(s.mode))
	}
	return outcome, errors.Join(watched, err)
}

// contractConfig returns the rules of the mode's contract.
func (s *stage) contractConfig() (server.Config, error) {
	p := s.plan
	estimator, err := metrics.ParseEstimator(p.Estimator)
	if err != nil {
		return server.Config{}, err
	}
	config := server.Config{
		Database: filepath.Join(s.dir, "contract.db"), Expected: len(s.numbers()), FirstEpochDelay: s.settlingTime(),
		EpochDuration: p.Epoch, AcceptEpochs: acceptEpochs, CarryLimit: carryEpochs, Mixnodes: p.input.mixnodes(), Estimator: estimator,
		Mode: contract.ModeFull, Logger: s.logger().With("logger", "contract"),
	}
	if s.mode == Single {
		config.Mode = contract.ModeSingle
	}
	if p.Verify == VerifyNone {
		config.Mode = contract.ModeNone
	}
	if p.Source == SourceTrace {
		config.Advance = server.WhenDecided
	}
	return config, nil
}

// settlingTime returns the time from the closing of the group to the first epoch, in which members
// connect to each other.
func (s *stage) settlingTime() time.Duration {
	if s.mode == Single {
		return 500 * time.Millisecond
	}
	n := time.Duration(s.plan.Nodes)
	return time.Second + n*50*time.Millisecond + n*n*5*time.Millisecond
}

func (s *stage) logger() *slog.Logger {
	if s.options.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.options.Logger.With("mode", string(s.mode))
}

// numbers returns the Nym-APIs that are members in this mode.
func (s *stage) numbers() []int {
	if s.mode == Single {
		return []int{s.plan.Single}
	}
	numbers := make([]int, s.plan.Nodes)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

// watch waits until all epochs are settled and tells of each. The error is that of ctx, of
// something that stopped, or says that it took too long.
func (s *stage) watch(ctx context.Context, contract *task) error {
	most := s.settlingTime() + 3*s.plan.EstimatedTime() + acceptEpochs*s.plan.Epoch + slack
	limit := time.NewTimer(most)
	defer limit.Stop()
	again := time.NewTicker(min(max(s.plan.Epoch/20, 20*time.Millisecond), 250*time.Millisecond))
	defer again.Stop()
	for settled := 0; ; {
		next, err := s.tell(ctx, settled)
		if err != nil {
			return err
		}
		if settled = next; settled == s.plan.Epochs {
			return s.awaitLate(ctx, again.C)
		}
		if err := s.failure(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-contract.done:
			return errors.Join(errors.New("the contract stopped by itself"), contract.failure())
		case <-limit.C:
			return fmt.Errorf("gave up: epoch %d of %d is not settled after %s; the machine may be too slow for %d Nym-APIs, "+
				"give a longer --epoch", settled+1, s.plan.Epochs, most, s.plan.Nodes)
		case <-again.C:
		}
	}
}

// tell tells of the epochs after the first settled ones that are settled too, and returns how many
// there are now.
func (s *stage) tell(ctx context.Context, settled int) (int, error) {
	const page = 100
	for settled < s.plan.Epochs {
		last := min(settled+page, s.plan.Epochs)
		list, err := s.client.Epochs(ctx, contract.Epoch(last), last-settled)
		if errors.Is(err, contract.NotStarted) || errors.Is(err, contract.NotFound) {
			return settled, nil
		}
		if err != nil {
			return settled, err
		}
		before := settled
		for i := len(list) - 1; i >= 0; i-- { // the newest is the first
			if summary := list[i]; int(summary.ID) == settled+1 && summary.Status != contract.StatusOpen {
				settled++
				s.told.settled(s.mode, settled, Record{Detail: contract.EpochDetail{EpochSummary: summary}})
			}
		}
		if settled == before || settled < last {
			break
		}
	}
	return settled, nil
}

// awaitLate waits, for half an epoch at most, until those who lost the last race have heard so:
// they are in the contract's records.
func (s *stage) awaitLate(ctx context.Context, again <-chan time.Time) error {
	limit := time.NewTimer(min(s.plan.Epoch/2, 2*time.Second))
	defer limit.Stop()
	for {
		detail, err := s.client.EpochDetail(ctx, contract.Epoch(s.plan.Epochs))
		if err != nil {
			return err
		}
		if detail.Status == contract.StatusMissed || len(detail.Attempts) >= len(s.members) {
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

// read returns what the contract says about the settled epochs, and what was sent until now.
func (s *stage) read(ctx context.Context) (Outcome, error) {
	o := Outcome{Mode: s.mode, Running: len(s.members)}
	current, err := s.client.Epoch(ctx)
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
	for _, m := range s.members {
		o.SentBytes += m.sentBytes()
	}
	for epoch := contract.Epoch(1); epoch <= min(contract.Epoch(s.plan.Epochs), current.ID); epoch++ {
		detail, err := s.client.EpochDetail(ctx, epoch)
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
