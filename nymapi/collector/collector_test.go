package collector_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
	"github.com/ephemera-go/nym-rewarding/nymapi/samples"
)

// script is a source that returns the t-th percentage for tick t, fails if fail is set, and records
// the ticks.
type script struct {
	values []uint8
	fail   error
	asked  []int64
}

func (s *script) Measure(_ context.Context, mixnodes []metrics.MixID, tick int64) ([]collector.Measurement, error) {
	s.asked = append(s.asked, tick)
	if s.fail != nil {
		return nil, s.fail
	}
	measured := make([]collector.Measurement, len(mixnodes))
	for i, id := range mixnodes {
		measured[i] = collector.Measurement{Mixnode: id, Percent: s.values[int(tick)%len(s.values)]}
	}
	return measured, nil
}

func open(t testing.TB) *samples.Store {
	t.Helper()
	store, err := samples.Open(t.Context(), filepath.Join(t.TempDir(), "samples.sqlite"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func describe(epoch contract.Epoch, start contract.Millis, duration time.Duration, mixnodes ...metrics.MixID) contract.Description {
	return contract.Description{Epoch: epoch, Start: start, End: start.Add(duration), Mixnodes: mixnodes}
}

func TestTicksAreMeasuredWhenDueAndOnce(t *testing.T) {
	source := &script{values: []uint8{10, 20, 30, 40, 50, 60, 70, 80}}
	c, err := collector.New(source, open(t), 4)
	require.NoError(t, err)
	d := describe(2, 1000, 4*time.Second, "a", "b")

	next, err := c.CatchUp(t.Context(), d, 999)
	require.NoError(t, err)
	require.Equal(t, contract.Millis(1000), next)
	require.Empty(t, source.asked)

	next, err = c.CatchUp(t.Context(), d, 2000)
	require.NoError(t, err)
	require.Equal(t, contract.Millis(3000), next)
	require.Equal(t, []int64{4, 5}, source.asked, "epoch 2 begins with tick 4")

	next, err = c.CatchUp(t.Context(), d, 2500)
	require.NoError(t, err)
	require.Equal(t, contract.Millis(3000), next)
	next, err = c.CatchUp(t.Context(), d, 9000)
	require.NoError(t, err)
	require.Equal(t, d.End, next)
	require.Equal(t, []int64{4, 5, 6, 7}, source.asked)

	averages, err := c.Averages(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, []metrics.Uptime{6500, 6500}, averages)
}

func TestAFailedTickIsDueAgain(t *testing.T) {
	source := &script{values: []uint8{100}, fail: errors.New("no network")}
	c, err := collector.New(source, open(t), 2)
	require.NoError(t, err)
	d := describe(1, 0, time.Second, "a")

	next, err := c.CatchUp(t.Context(), d, 1000)
	require.ErrorIs(t, err, source.fail)
	require.Equal(t, contract.Millis(0), next)
	source.fail = nil
	_, err = c.CatchUp(t.Context(), d, 1000)
	require.NoError(t, err)
	require.Equal(t, []int64{0, 0, 1}, source.asked)
}

func TestARestartedCollectorMeasuresTheSame(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Uint8Range(0, 100), 8, 8).Draw(t, "values")
		moments := rapid.SliceOfN(rapid.Int64Range(0, 9000), 0, 6).Draw(t, "moments")
		d := describe(1, 500, 8*time.Second, "a")

		dir, err := os.MkdirTemp(folder, "")
		require.NoError(t, err)
		store, err := samples.Open(context.Background(), filepath.Join(dir, "samples.sqlite"), nil)
		require.NoError(t, err)
		defer store.Close()
		for _, moment := range moments { // a new collector each time, as after a restart
			c, err := collector.New(&script{values: values}, store, 8)
			require.NoError(t, err)
			_, err = c.CatchUp(context.Background(), d, contract.Millis(moment))
			require.NoError(t, err)
		}
		c, err := collector.New(&script{values: values}, store, 8)
		require.NoError(t, err)
		_, err = c.CatchUp(context.Background(), d, d.End)
		require.NoError(t, err)
		averages, err := c.Averages(context.Background(), d)
		require.NoError(t, err)
		require.Equal(t, metrics.Average(values), averages[0])
	})
}

func TestForgetDropsOldSamples(t *testing.T) {
	c, err := collector.New(&script{values: []uint8{50}}, open(t), 1)
	require.NoError(t, err)
	d := describe(1, 1000, time.Second, "a")
	_, err = c.CatchUp(t.Context(), d, d.End)
	require.NoError(t, err)

	require.NoError(t, c.Forget(t.Context(), 2, 10_000, 20*time.Second))
	averages, err := c.Averages(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, []metrics.Uptime{5000}, averages)

	require.NoError(t, c.Forget(t.Context(), 2, 10_000, time.Second))
	averages, err = c.Averages(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, []metrics.Uptime{metrics.Missing}, averages)
}

func TestTicksMustFit(t *testing.T) {
	for _, ticks := range []int{-1, 0, collector.MaxTicks + 1} {
		_, err := collector.New(&script{}, nil, ticks)
		require.ErrorIs(t, err, collector.ErrTicks)
	}
	c, err := collector.New(&script{values: []uint8{1}}, open(t), 20)
	require.NoError(t, err)
	_, err = c.CatchUp(t.Context(), describe(1, 0, 10*time.Millisecond, "a"), 100)
	require.ErrorIs(t, err, collector.ErrTicks)
}

// dice is a simulation whose values encode their arguments.
type dice []metrics.MixID

func (d dice) Mixnodes() []metrics.MixID { return d }
func (d dice) Sample(api, mixnode int, tick int64) (uint8, bool) {
	return uint8(10*api + mixnode), tick != 3
}

func TestASimulationHasTheContractsMixnodes(t *testing.T) {
	var made []int
	source, err := collector.Simulated(2, func(mixnodes int) (collector.Simulation, error) {
		made = append(made, mixnodes)
		return dice{"m1", "m2", "m3"}[:min(mixnodes, 3)], nil
	})
	require.NoError(t, err)

	got, err := source.Measure(t.Context(), []metrics.MixID{"m2", "m3", "stranger"}, 7)
	require.NoError(t, err)
	require.Equal(t, []collector.Measurement{{Mixnode: "m2", Percent: 21}, {Mixnode: "m3", Percent: 22}}, got)
	got, err = source.Measure(t.Context(), []metrics.MixID{"m2", "m3", "stranger"}, 3)
	require.NoError(t, err)
	require.Empty(t, got, "lost")
	_, err = source.Measure(t.Context(), []metrics.MixID{"m1"}, 0)
	require.NoError(t, err)
	require.Equal(t, []int{3, 1}, made)

	_, err = collector.Simulated(0, nil)
	require.Error(t, err)
}

func TestATraceIsReplayed(t *testing.T) {
	recorded, err := trace.Read(strings.NewReader("epoch,observer,m1,m2\n0,n1,90,\n0,n2,10,20\n1,n1,80,70\n"), "t.csv")
	require.NoError(t, err)
	source, err := collector.Recorded(recorded, "n1")
	require.NoError(t, err)

	got, err := source.Measure(t.Context(), []metrics.MixID{"m1", "m2"}, 0)
	require.NoError(t, err)
	require.Equal(t, []collector.Measurement{{Mixnode: "m1", Percent: 90}}, got)
	got, err = source.Measure(t.Context(), []metrics.MixID{"m2", "stranger"}, 1)
	require.NoError(t, err)
	require.Equal(t, []collector.Measurement{{Mixnode: "m2", Percent: 70}}, got)
	got, err = source.Measure(t.Context(), []metrics.MixID{"m1"}, 2)
	require.NoError(t, err)
	require.Empty(t, got)

	_, err = collector.Recorded(recorded, "n9")
	require.ErrorIs(t, err, trace.ErrObserver)
}
