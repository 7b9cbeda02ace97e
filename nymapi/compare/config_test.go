package compare

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

func TestTheDefaultsAreValidAndHonest(t *testing.T) {
	p, err := Default().Plan()
	require.NoError(t, err)
	require.Equal(t, Default(), p.Config)
	require.Empty(t, p.roles.liars)
	require.Empty(t, p.roles.offline)
	require.Empty(t, p.Warnings())
	require.Empty(t, p.Estimate())
	require.Len(t, p.MixnodeNames(), 240)
}

// with returns the default configuration with a change.
func with(change func(*Config)) Config {
	c := Default()
	change(&c)
	return c
}

// traceConfig returns the configuration to replay a file.
func traceConfig(path string, change func(*Config)) Config {
	return with(func(c *Config) {
		c.Source, c.Trace = SourceTrace, path
		c.Nodes, c.Mixnodes, c.Epochs, c.Epoch, c.Ticks = 0, 0, 0, 0, 0
		change(c)
	})
}

func TestFlagErrorsSayWhatToDo(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no nodes", func(c *Config) { c.Nodes = 0 }, "--nodes 0: expected 1 to 100 Nym-APIs; give --nodes 4"},
		{"negative epoch", func(c *Config) { c.Epoch = -time.Second }, "--epoch -1s: expected 200ms to"},
		{"no single", func(c *Config) { c.Single = 0 }, "--single 0: expected the number of a Nym-API, 1 to 4"},
		{"too many nodes", func(c *Config) { c.Nodes = 101 }, "--nodes 101: expected 1 to 100 Nym-APIs; give --nodes 4"},
		{"negative nodes", func(c *Config) { c.Nodes = -1 }, "--nodes -1: expected 1 to 100 Nym-APIs"},
		{"mixnodes", func(c *Config) { c.Mixnodes = 10_001 }, "--mixnodes 10001: expected 1 to 10000 mixnodes"},
		{"epochs", func(c *Config) { c.Epochs = -3 }, "--epochs -3: expected 1 to 10000 epochs"},
		{"short epoch", func(c *Config) { c.Epoch = time.Millisecond }, "--epoch 1ms: expected 200ms to 24h0m0s; give --epoch 4s"},
		{"ticks", func(c *Config) { c.Ticks = 1001 }, "--ticks 1001: expected 1 to 1000 measurements"},
		{"dense ticks", func(c *Config) { c.Epoch, c.Ticks = 300*time.Millisecond, 400 }, "--ticks 400: expected at most one measurement per millisecond"},
		{"estimator", func(c *Config) { c.Estimator = "mode" }, "--estimator mode: expected " + metrics.EstimatorNames()},
		{"source", func(c *Config) { c.Source = "dice" }, "--source dice: expected world, uniform or trace"},
		{"missing", func(c *Config) { c.Missing = 1 }, "--missing 1: expected a share from 0 to below 1; give --missing 0.02 for 2 %"},
		{"missing NaN", func(c *Config) { c.Missing = math.NaN() }, "--missing NaN: expected a share"},
		{"submit", func(c *Config) { c.Submit = "never" }, "--submit never: expected race or staged"},
		{"verify", func(c *Config) { c.Verify = "half" }, "--verify half: expected full or none"},
		{"lie", func(c *Config) { c.Lie = "white" }, "--lie white: expected zero, hundred, victims or split"},
		{"liars", func(c *Config) { c.Liars = 5 }, "--liars 5: expected 0 to 4, the number of Nym-APIs"},
		{"negative offline", func(c *Config) { c.Offline = -1 }, "--offline -1: expected 0 to 4"},
		{"two counts", func(c *Config) { c.Liars, c.LiarsAt = 1, []int{1, 2} }, "--liars 1: expected the 2 that --liars-at lists"},
		{"no such liar", func(c *Config) { c.LiarsAt = []int{5} }, "--liars-at 5: expected different numbers from 1 to 4; give --liars-at 1,3"},
		{"liar zero", func(c *Config) { c.LiarsAt = []int{0} }, "--liars-at 0: expected different numbers from 1 to 4"},
		{"liar twice", func(c *Config) { c.LiarsAt = []int{2, 2} }, "--liars-at 2,2: expected different numbers"},
		{"no such offline", func(c *Config) { c.OfflineAt = []int{1, 9} }, "--offline-at 1,9: expected different numbers"},
		{"offline liar", func(c *Config) { c.Liars, c.OfflineAt = 2, []int{2} }, "--offline 1: expected Nym-API 2 either to lie or to be offline"},
		{"single", func(c *Config) { c.Single = 5 }, "--single 5: expected the number of a Nym-API, 1 to 4"},
		{"trace without source", func(c *Config) { c.Trace = "t.csv" }, "--trace t.csv: expected it only with --source trace"},
		{"truth without source", func(c *Config) { c.Truth = []string{"a", "b"} }, "--truth a,b: expected it only with --source trace"},
		{"rule of the truth without source", func(c *Config) { c.TruthBy = "mean" }, "--truth-by mean: expected it only with --source trace"},
		{"rule of the truth", func(c *Config) { *c = traceConfig("t", func(c *Config) { c.TruthBy = "mode" }) }, "--truth-by mode: expected median or mean"},
		{"source without trace", func(c *Config) { *c = traceConfig("", func(*Config) {}) }, `--trace "": expected a trace file; give --trace metrics/testdata/seattle/`},
		{"trace with ticks", func(c *Config) { *c = traceConfig("t", func(c *Config) { c.Ticks = 2 }) }, "--ticks 2: expected 1 with --source trace"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := with(tt.change).Plan()
			require.ErrorContains(t, err, tt.want)
			var flag *FlagError
			require.ErrorAs(t, err, &flag)
		})
	}
}

func TestTheFirstLieAndTheLastAreOffline(t *testing.T) {
	c := Default()
	c.Nodes, c.Liars, c.Offline = 7, 2, 3
	p, err := c.Plan()
	require.NoError(t, err)
	require.Equal(t, roles{liars: []int{1, 2}, offline: []int{5, 6, 7}}, p.roles)

	c.Liars, c.Offline = 0, 0
	c.LiarsAt, c.OfflineAt = []int{4, 2}, []int{1}
	p, err = c.Plan()
	require.NoError(t, err)
	require.Equal(t, roles{liars: []int{2, 4}, offline: []int{1}}, p.roles)
}

func TestPositionsAreParsed(t *testing.T) {
	positions, err := ParsePositions("liars-at", " 3, 1")
	require.NoError(t, err)
	require.Equal(t, []int{3, 1}, positions)
	positions, err = ParsePositions("liars-at", "")
	require.NoError(t, err)
	require.Nil(t, positions)
	_, err = ParsePositions("liars-at", "1;2")
	require.EqualError(t, err, "--liars-at 1;2: expected numbers of Nym-APIs from 1, separated by commas; give --liars-at 1,3")
}

const smallTrace = "epoch,observer,m2,m1\n" +
	"7,a,10,20\n7,b,30,40\n7,c,50,\n" +
	"9,a,,100\n9,b,0,100\n9,c,4,99\n"

func writeTrace(t *testing.T, content string) string {
	path := filepath.Join(t.TempDir(), "trace.csv")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestATraceProvidesItsSizes(t *testing.T) {
	c := traceConfig(writeTrace(t, smallTrace), func(c *Config) { c.Observers, c.Truth = []string{"c", "a"}, []string{"b"} })
	p, err := c.Plan()
	require.NoError(t, err)
	require.Equal(t, []int{2, 2, 2, 1}, []int{p.Nodes, p.Mixnodes, p.Epochs, p.Ticks})
	require.Equal(t, time.Second, p.Epoch)
	require.EqualValues(t, 9, p.input.name(2))
	value, ok := p.input.sample(2, 0, 0)
	require.True(t, ok, "a, m1, epoch 7")
	require.EqualValues(t, 20, value)
	_, ok = p.input.sample(1, 0, 0)
	require.False(t, ok, "c has no value for m1 in epoch 7")
	right, ok := p.input.truth(1, 2)
	require.True(t, ok)
	require.Zero(t, right)
	require.NotEmpty(t, p.Warnings(), "two Nym-APIs tolerate no fault")

	c.Observers, c.Epochs = nil, 1
	p, err = c.Plan()
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c"}, p.Observers)
	require.Equal(t, 1, p.Epochs)
}

func TestTraceErrorsNameTheFlag(t *testing.T) {
	path := writeTrace(t, smallTrace)
	for _, tt := range []struct {
		path   string
		change func(*Config)
		want   string
	}{
		{path + "x", func(*Config) {}, "--trace: open trace"},
		{writeTrace(t, "epoch,observer,m\n1,a,200\n"), func(*Config) {}, `:2:3 (m): value "200"`},
		{path, func(c *Config) { c.Observers = []string{"z"} }, `--observers z: bad observer "z": expected one of a,b,c`},
		{path, func(c *Config) { c.Truth = []string{"a", "a"} }, `--truth a,a: bad observer "a": repeated`},
		{path, func(c *Config) { c.Nodes = 4 }, "--nodes 4: expected 3, as in the trace; remove it with --source trace"},
		{path, func(c *Config) { c.Mixnodes = 3 }, "--mixnodes 3: expected 2, as in the trace"},
		{path, func(c *Config) { c.Epochs = 3 }, "--epochs 3: expected at most 2, as in the trace"},
		{path, func(c *Config) { c.LiarsAt = []int{4} }, "--liars-at 4: expected different numbers from 1 to 3"},
	} {
		_, err := traceConfig(tt.path, tt.change).Plan()
		require.ErrorContains(t, err, tt.want)
	}
}

func TestTooManyFaultsAreWarnedAbout(t *testing.T) {
	c := Default()
	c.Offline = 2
	p, err := c.Plan()
	require.NoError(t, err)
	require.Len(t, p.Warnings(), 1)
	require.Contains(t, p.Warnings()[0], "2 of 4 Nym-APIs are offline or silent, more than f = 1")

	c.Nodes, c.Offline = 3, 0
	p, err = c.Plan()
	require.NoError(t, err)
	require.Contains(t, p.Warnings()[0], "3 Nym-APIs tolerate no fault (f = 0)")

	c.Nodes, c.Liars = 4, 2
	p, err = c.Plan()
	require.NoError(t, err)
	require.Contains(t, p.Warnings()[0], "2 liars are more than the f = 1")
}

func TestReportersInTheTruthAreWarnedAbout(t *testing.T) {
	c := traceConfig(writeTrace(t, smallTrace), func(c *Config) { c.Observers, c.Truth = []string{"a", "b"}, []string{"c", "b"} })
	p, err := c.Plan()
	require.NoError(t, err)
	require.Contains(t, p.Warnings()[1], "b is both in --observers and in --truth: a reporter that is part of the truth is close to it")
	c.Truth = []string{"c"}
	p, err = c.Plan()
	require.NoError(t, err)
	require.Len(t, p.Warnings(), 1, "two Nym-APIs tolerate no fault")
}

func TestBigRunsBeginWithAnEstimate(t *testing.T) {
	c := Default()
	c.Nodes = 100
	p, err := c.Plan()
	require.NoError(t, err)
	require.Contains(t, p.Estimate(), "100 Nym-APIs in one process: this will take about")
	require.Greater(t, p.EstimatedTime(), 20*time.Second)
	require.Contains(t, p.Warnings()[0], "reports may be late and epochs missed; give --epoch")
	c.Nodes = 4
	p, err = c.Plan()
	require.NoError(t, err)
	require.Equal(t, 20*time.Second, p.EstimatedTime())
}

// Without a length, epochs are long enough for the computation of a large group.
func TestLargeGroupsGetLongerEpochs(t *testing.T) {
	c := Default()
	for _, nodes := range []int{4, 30, 100} {
		c.Nodes, c.Epoch = nodes, 0
		p, err := c.Plan()
		require.NoError(t, err)
		require.Equal(t, max(usualEpoch, roundUp(2*p.costPerEpoch(), time.Second)), p.Epoch)
		require.Empty(t, p.Warnings())
	}
}

// The estimate follows the machine: one that is slow, or does other work, takes longer.
func TestTheEstimateFollowsTheMachine(t *testing.T) {
	c := Default()
	c.Nodes = 10
	p, err := c.Plan()
	require.NoError(t, err)
	once := p.costPerEpoch()
	p.slowness = 3
	require.InDelta(t, float64(3*once), float64(p.costPerEpoch()), 10)
	measured, err := measureSlowness()
	require.NoError(t, err)
	require.GreaterOrEqual(t, measured, float64(1))
}

func TestARunNeedsDescriptorsForEachPair(t *testing.T) {
	c := Default()
	for nodes, want := range map[int]int{4: 201, 30: 1977, 100: 14150} {
		c.Nodes = nodes
		p, err := c.Plan()
		require.NoError(t, err)
		require.Equal(t, want, p.Descriptors())
		require.NoError(t, p.fits(want))
		err = p.fits(want - 1)
		require.ErrorIs(t, err, ErrDescriptors)
		require.ErrorContains(t, err, "ulimit -n")
	}
}
