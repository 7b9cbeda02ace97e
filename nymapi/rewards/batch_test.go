package rewards_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// counter is a contract that takes batches.
type counter struct {
	mu    sync.Mutex
	fail  error
	asked int
	taken []contract.Submission
}

func (c *counter) submit(_ context.Context, s contract.Submission) (contract.BatchAnswer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.fail != nil {
		return contract.BatchAnswer{}, c.fail
	}
	c.taken = append(c.taken, s)
	return contract.BatchAnswer{Epoch: s.Epoch, Accepted: 3}, nil
}

func (c *counter) set(fail error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = fail
}

// counts returns how often the contract was asked, and how many batches it took.
func (c *counter) counts() (asked, taken int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked, len(c.taken)
}

// batching returns an epoch whose window is in the calendar, and what takes its batches.
func batching() (contract.Description, *calendar, *counter) {
	d := describe(1, 4)
	calendar := newCalendar(d)
	calendar.set(d.Start)
	return d, calendar, &counter{}
}

func TestABatchIsSubmittedOnceAfterTheLastTick(t *testing.T) {
	d, calendar, c := batching()
	_, stop := distribute(t, t.TempDir(), meter{percent: 90}, calendar, func(r *rewards.Distributor) { r.Batch = c.submit })
	last := d.Start + (d.End-d.Start)*3/4
	calendar.set(last - 1)
	calendar.set(last)
	eventually(t, func() bool { _, taken := c.counts(); return taken == 1 }, "submitted")
	require.Less(t, last, d.End)
	entries, err := verify.Batch(d, c.taken[0])
	require.NoError(t, err)
	require.Len(t, entries, 3)
	require.EqualValues(t, 90, entries[2].Values[0])
	calendar.set(d.End - 1)
	calendar.set(d.End + 1)
	stop()
	asked, _ := c.counts()
	require.Equal(t, 1, asked)
}

func TestABatchIsSubmittedUntilTheContractTakesItOrTheEpochEnds(t *testing.T) {
	d, calendar, c := batching()
	c.set(errors.New("no connection"))
	_, stop := distribute(t, t.TempDir(), meter{percent: 90}, calendar, func(r *rewards.Distributor) { r.Batch = c.submit })
	calendar.set(d.End - 100)
	eventually(t, func() bool { asked, _ := c.counts(); return asked >= 2 }, "tried again")
	c.set(nil)
	eventually(t, func() bool { _, taken := c.counts(); return taken == 1 }, "taken")
	stop()

	d, calendar, c = batching()
	calendar.set(d.End)
	_, stop = distribute(t, t.TempDir(), meter{percent: 90}, calendar, func(r *rewards.Distributor) { r.Batch = c.submit })
	stop()
	asked, _ := c.counts()
	require.Zero(t, asked, "an ended epoch takes no batch")
}

func TestARefusedBatchIsNotRepeated(t *testing.T) {
	for _, refusal := range []*contract.Problem{
		contract.NewProblem(contract.BatchRefused, "StalePerformanceSubmission: an earlier try was accepted"),
		contract.NewProblem(contract.BatchRefused, "EpochNotCurrent: epoch 1 was submitted, the current one is 2"),
	} {
		d, calendar, c := batching()
		c.set(refusal)
		_, stop := distribute(t, t.TempDir(), meter{percent: 90}, calendar, func(r *rewards.Distributor) { r.Batch = c.submit })
		calendar.set(d.End - 100)
		eventually(t, func() bool { asked, _ := c.counts(); return asked == 1 }, "asked")
		calendar.set(d.End - 50)
		calendar.set(d.End - 1)
		stop()
		asked, _ := c.counts()
		require.Equal(t, 1, asked)
	}
}

// A source that fails cannot hold the batch back beyond half of the time after the last tick.
func TestABatchHasWhatWasMeasuredUntilItMustBeSent(t *testing.T) {
	d, calendar, c := batching()
	_, stop := distribute(t, t.TempDir(), meter{percent: 90, fail: errors.New("no network")}, calendar, func(r *rewards.Distributor) { r.Batch = c.submit })
	defer stop()
	last := d.Start + (d.End-d.Start)*3/4
	calendar.set(last + (d.End-last)/2)
	eventually(t, func() bool { _, taken := c.counts(); return taken == 1 }, "submitted without the failed ticks")
	result, err := metrics.DecodeResult(c.taken[0].Result, metrics.LimitsFor(3))
	require.NoError(t, err)
	require.Equal(t, []metrics.Uptime{metrics.Missing, metrics.Missing, metrics.Missing}, result.Values)
}
