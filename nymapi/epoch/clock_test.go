package epoch_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
)

var errAway = errors.New("connection refused")

// fakeContract is a contract in virtual time whose clock is ahead of the program's.
type fakeContract struct {
	ahead    time.Duration
	trip     time.Duration
	duration time.Duration
	begin    time.Time

	mu      sync.Mutex
	away    bool
	stopped contract.Epoch // the last epoch that begins, 0 for no limit
	settled map[contract.Epoch]contract.Status
	lie     bool          // announces other hashes than it serves
	longer  time.Duration // added to every epoch, as if it was described again
	asked   int
}

func newFakeContract() *fakeContract {
	return &fakeContract{ahead: 42 * time.Hour, trip: 2 * time.Millisecond, duration: 10 * time.Second, begin: time.Now(), settled: map[contract.Epoch]contract.Status{}}
}

func (c *fakeContract) now() contract.Millis { return contract.At(time.Now().Add(c.ahead)) }

func (c *fakeContract) newest() contract.Epoch {
	id := contract.Epoch(time.Since(c.begin)/c.duration) + 1
	if c.stopped != 0 {
		id = min(id, c.stopped)
	}
	return id
}

func (c *fakeContract) describe(id contract.Epoch) contract.Description {
	d := contracttest.Description(4, 3)
	d.Epoch = id
	d.Start = contract.At(c.begin.Add(c.ahead).Add(time.Duration(id-1) * c.duration))
	d.End = d.Start.Add(c.duration + c.longer)
	return d
}

// answer waits for half a round trip of virtual time, and counts the request.
func (c *fakeContract) answer(ctx context.Context) error {
	c.travel()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.away {
		return errAway
	}
	return ctx.Err()
}

func (c *fakeContract) Epoch(ctx context.Context) (contract.CurrentEpoch, error) {
	if err := c.answer(ctx); err != nil {
		return contract.CurrentEpoch{}, err
	}
	d := c.describe(c.newest())
	answer := contract.CurrentEpoch{ID: d.Epoch, Start: d.Start, DurationMS: c.duration.Milliseconds(), ServerTime: c.now(), Description: d.Hash()}
	if c.lying() {
		answer.Description[0] ^= 1
	}
	c.travel()
	return answer, nil
}

func (c *fakeContract) Epochs(ctx context.Context, from contract.Epoch, limit int) ([]contract.EpochSummary, error) {
	if err := c.answer(ctx); err != nil {
		return nil, err
	}
	var list []contract.EpochSummary
	for id := c.newest(); id > 0 && len(list) < limit; id-- {
		list = append(list, c.summary(id))
	}
	return list, nil
}

func (c *fakeContract) summary(id contract.Epoch) contract.EpochSummary {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.describe(id)
	s := contract.EpochSummary{ID: id, Start: d.Start, End: d.End, Status: contract.StatusOpen}
	if status, ok := c.settled[id]; ok {
		s.Status = status
	}
	return s
}

func (c *fakeContract) EpochDetail(ctx context.Context, id contract.Epoch) (contract.EpochDetail, error) {
	if err := c.answer(ctx); err != nil {
		return contract.EpochDetail{}, err
	}
	return contract.EpochDetail{EpochSummary: c.summary(id), Description: c.describe(id)}, nil
}

// travel waits for half a round trip of virtual time.
func (c *fakeContract) travel() {
	c.mu.Lock()
	half := c.trip / 2
	c.mu.Unlock()
	<-time.After(half)
}

func (c *fakeContract) lying() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lie
}

func (c *fakeContract) questions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func (c *fakeContract) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// memoryStore is an epoch.Store in memory.
type memoryStore struct {
	mu   sync.Mutex
	kept []contract.Description
	fail error
}

func (s *memoryStore) Descriptions(context.Context) ([]contract.Description, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept), nil
}

func (s *memoryStore) KeepDescription(_ context.Context, d contract.Description, _ contract.Epoch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, d)
	return s.fail
}

// run starts a clock inside a synctest bubble and returns it with a function that stops it.
func run(t *testing.T, config epoch.Config) (*epoch.Clock, func() error) {
	t.Helper()
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	clock, err := epoch.Open(t.Context(), config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- clock.Run(ctx) }()
	return clock, func() error { cancel(); return <-done }
}

// after lets virtual time pass and waits until all goroutines are blocked.
func after(d time.Duration) {
	<-time.After(d) // virtual
	synctest.Wait()
}

func ids(clock *epoch.Clock) []contract.Epoch {
	var ids []contract.Epoch
	for _, e := range clock.Epochs() {
		ids = append(ids, e.Description.Epoch)
	}
	return ids
}

func TestTheContractsTimeIsKnownWithoutAWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeContract()
		clock, stop := run(t, epoch.Config{Contract: c, Store: &memoryStore{}})
		_, known := clock.Now()
		require.False(t, known)
		after(time.Second)
		now, known := clock.Now()
		require.True(t, known)
		require.InDelta(t, float64(c.now()), float64(now), 2)
		// Slow responses do not replace the estimate of a quick one.
		c.set(func() { c.trip = 400 * time.Millisecond })
		after(7 * time.Second)
		now, _ = clock.Now()
		require.InDelta(t, float64(c.now()), float64(now), 2)
		require.NoError(t, stop())
	})
}

func TestEpochsAreLearntWhenTheyBeginAndWhenTheyAreSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newFakeContract(), &memoryStore{}
		clock, stop := run(t, epoch.Config{Contract: c, Store: store})
		after(time.Second)
		require.Equal(t, []contract.Epoch{1}, ids(clock))
		changed := clock.Changed()
		after(9*time.Second + 100*time.Millisecond)
		require.Equal(t, []contract.Epoch{1, 2}, ids(clock), "at once, not a quarter of an epoch later")
		<-changed
		require.False(t, clock.Epochs()[0].Settled())

		c.set(func() { c.settled[1] = contract.StatusRewarded })
		after(time.Second)
		require.Equal(t, contract.StatusRewarded, clock.Epochs()[0].Status)
		require.Len(t, store.kept, 2)

		asked := c.questions()
		after(5 * time.Second)
		require.LessOrEqual(t, c.questions()-asked, 3, "nothing is open: one request in a quarter of an epoch")
		require.NoError(t, stop())
	})
}

func TestADowntimeOfTheContractLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := newFakeContract()
		clock, stop := run(t, epoch.Config{Contract: c, Store: &memoryStore{}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		after(time.Second)
		c.set(func() { c.away = true })
		after(25 * time.Second)
		require.Equal(t, []contract.Epoch{1}, ids(clock))
		require.True(t, clock.Away())
		c.set(func() { c.away = false })
		after(6 * time.Second)
		require.Equal(t, []contract.Epoch{1, 2, 3, 4}, ids(clock), "2 and 3 began and ended while the contract was down, and are open")
		require.False(t, clock.Away())
		require.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
		require.Equal(t, 1, strings.Count(log.String(), "available again"))
		require.NoError(t, stop())
	})
}

func TestANewNymAPILearnsWhatIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeContract()
		<-time.After(35 * time.Second)
		c.settled[1], c.settled[2] = contract.StatusRewarded, contract.StatusMissed
		clock, stop := run(t, epoch.Config{Contract: c, Store: &memoryStore{}})
		after(time.Second)
		require.Equal(t, []contract.Epoch{3, 4}, ids(clock))

		clock.Want(2) // as for a late block
		clock.Want(9) // has not begun
		after(time.Second)
		require.Equal(t, []contract.Epoch{2, 3, 4}, ids(clock))
		require.Equal(t, contract.StatusMissed, clock.Epochs()[0].Status)
		d, known := clock.Description(c.describe(2).Hash())
		require.True(t, known)
		require.Equal(t, contract.Epoch(2), d.Epoch)
		require.NoError(t, stop())
	})
}

func TestARestartKnowsWhatWasKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeContract()
		c.away = true
		clock, stop := run(t, epoch.Config{Contract: c, Store: &memoryStore{kept: []contract.Description{c.describe(2), c.describe(1)}}})
		after(time.Second)
		require.Equal(t, []contract.Epoch{1, 2}, ids(clock))
		require.NoError(t, stop())
	})
}

func TestEpochsSettledDuringADowntimeNeverLookOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeContract()
		var kept []contract.Description
		for id := range contract.Epoch(10) {
			kept = append(kept, c.describe(id+1))
		}
		for id := range contract.Epoch(300) {
			c.settled[id+1] = contract.StatusRewarded
		}
		// The second downtime is longer than the history.
		for _, away := range []time.Duration{12 * c.duration, 100 * c.duration} {
			after(away)
			clock, stop := run(t, epoch.Config{Contract: c, Store: &memoryStore{kept: kept}})
			for known := false; !known; _, known = clock.Now() {
				<-clock.Changed()
			}
			for _, e := range clock.Epochs() {
				require.True(t, e.Settled() || e.Description.Epoch == c.newest(), "epoch %d", e.Description.Epoch)
			}
			asked := c.questions()
			after(c.duration)
			require.Less(t, c.questions()-asked, 100)
			require.NoError(t, stop())
		}
	})
}

func TestABadDescriptionIsRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeContract()
		c.lie = true
		clock, stop := run(t, epoch.Config{Contract: c, Store: &memoryStore{}})
		after(time.Second)
		require.Empty(t, ids(clock), "another hash than announced")
		require.NoError(t, stop())

		c.lie = false
		clock, stop = run(t, epoch.Config{Contract: c, Store: &memoryStore{}, Check: func(contract.Description) error { return errors.New("another group") }})
		after(time.Second)
		require.Empty(t, ids(clock))
		require.NoError(t, stop())
	})
}

// A contract that lost its database may describe an epoch again, and differently. The first
// description stays, because a report about it was signed. The next epochs are learnt.
func TestASecondDescriptionOfAnEpochIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, log, store := newFakeContract(), &bytes.Buffer{}, &memoryStore{}
		clock, stop := run(t, epoch.Config{Contract: c, Store: store, Logger: slog.New(slog.NewTextHandler(log, nil))})
		after(time.Second)
		first := clock.Epochs()[0].Hash
		c.set(func() { c.longer = time.Millisecond })
		asked := c.questions()
		after(8 * time.Second)
		require.Equal(t, first, clock.Epochs()[0].Hash)
		require.Len(t, store.kept, 1)
		require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), log)
		require.Contains(t, log.String(), "epoch=1")
		require.LessOrEqual(t, c.questions()-asked, 5, "it is fetched once, and not at every poll")
		c.set(func() { c.longer += time.Millisecond })
		clock.Poke()
		after(10 * time.Second)
		require.Equal(t, []contract.Epoch{1, 2}, ids(clock))
		require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), log)
		require.NoError(t, stop())
	})
}

func TestAStoreThatFailsStopsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		clock, stop := run(t, epoch.Config{Contract: newFakeContract(), Store: &memoryStore{fail: full}})
		after(time.Second)
		require.ErrorIs(t, stop(), full)
		require.Empty(t, ids(clock))
	})
}

func TestTheHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeContract()
		for id := range contract.Epoch(200) {
			c.settled[id+1] = contract.StatusRewarded
		}
		clock, stop := run(t, epoch.Config{Contract: c, Store: &memoryStore{}})
		after(100 * c.duration)
		require.Len(t, clock.Epochs(), 64)
		clock.Want(3)
		after(time.Second)
		require.Len(t, clock.Epochs(), 64)
		_, known := clock.Description(c.describe(3).Hash())
		require.True(t, known)
		require.NoError(t, stop())
	})
}
