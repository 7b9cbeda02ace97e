package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

var update = flag.Bool("update", false, "rewrite golden files")

// small returns a day that is quick to simulate.
func small(t *testing.T, nodes int, latency, adversary string) Config {
	t.Helper()
	c := Default()
	c.Nodes, c.Mixnodes, c.Epochs = nodes, 20, 2
	var err error
	c.Latency, err = ParseLatency(latency)
	require.NoError(t, err)
	c.Adversaries, err = ParseAdversaries(adversary)
	require.NoError(t, err)
	return c
}

func simulated(t *testing.T, c Config) (Day, Summary) {
	t.Helper()
	day, err := Run(c, nil, nil)
	require.NoError(t, err)
	return day, day.Summary()
}

func TestOnConstantLinksCertificatesTakeTwoDelaysAndDeliveryThree(t *testing.T) {
	_, s := simulated(t, small(t, 4, "50ms", ""))
	require.InDelta(t, 100, *s.CertMS.P50, 5)
	require.InDelta(t, 150, *s.DelivMS.P50, 5)
	require.Equal(t, 2, s.Rewarded)
	require.Zero(t, s.Violated)
	require.Equal(t, 8, s.Blocks)
	require.LessOrEqual(t, *s.Messages, 9.0)
}

func TestEveryEpochIsRewardedWithAsManyAdversariesAsAreTolerated(t *testing.T) {
	for _, name := range []string{"silent", "equivocate", "withhold", "one"} {
		_, s := simulated(t, small(t, 7, "wan", name+"=2"))
		require.Equal(t, 2, s.Rewarded, name)
		require.Empty(t, s.Violation, name)
	}
}

func TestTooManySilentMembersLeaveEpochsUnrewarded(t *testing.T) {
	day, s := simulated(t, small(t, 4, "50ms", "silent=2"))
	require.Zero(t, s.Rewarded)
	for _, o := range day.Outcomes {
		require.False(t, o.Rewarded)
	}
}

func TestTheSameSeedIsTheSameDay(t *testing.T) {
	c := small(t, 7, "heavy", "equivocate=1")
	_, first := simulated(t, c)
	_, second := simulated(t, c)
	require.Equal(t, first, second)
	c.Seed = 2
	_, other := simulated(t, c)
	require.NotEqual(t, first.TraceHash, other.TraceHash)
}

func TestTheTextOfADayIsAsCommitted(t *testing.T) {
	day, s := simulated(t, small(t, 4, "50ms", "silent=1"))
	var text bytes.Buffer
	require.NoError(t, day.WriteText(&text, s))
	name := filepath.Join("testdata", "day.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(name, text.Bytes(), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(want), text.String(), "run with -update if the change is intended")
}

func TestJSONHasTheFieldsThatProgramsRead(t *testing.T) {
	_, s := simulated(t, small(t, 4, "50ms", ""))
	var text bytes.Buffer
	require.NoError(t, s.WriteJSON(&text))
	var read map[string]any
	require.NoError(t, json.Unmarshal(text.Bytes(), &read))
	for _, field := range []string{"certificate_ms", "delivery_ms"} {
		for _, rank := range []string{"p50", "p99", "max"} {
			require.Contains(t, read[field], rank)
		}
	}
	require.EqualValues(t, 2, read["rewarded"])
	require.EqualValues(t, 0, read["violations"])
	require.Len(t, read["trace_hash"], 16)
	require.Positive(t, read["bytes_per_node_epoch"])
	require.Positive(t, read["messages_per_block"])
}

func TestAStoppedDayIsUnfinishedWithoutViolations(t *testing.T) {
	day, err := Run(small(t, 7, "wan", ""), nil, func() bool { return true })
	require.NoError(t, err)
	s := day.Summary()
	require.False(t, s.Finished)
	require.Zero(t, s.Violated)
}

func TestRandomShortDaysKeepEveryInvariant(t *testing.T) {
	search := simulation.Search{Seed: 1, Schedules: 20, Draw: drawDay, Options: dayOptions}
	if !testing.Short() {
		search.Schedules = 2000
	}
	found := search.Run(context.Background())
	var text bytes.Buffer
	require.NoError(t, ReportFound(&text, found))
	require.Empty(t, found.Found, text.String())
	require.Contains(t, text.String(), "violations: 0, seed: 1")
}

func TestEveryDrawnDayCanBeRun(t *testing.T) {
	for seed := range uint64(3000) {
		require.NoError(t, drawDay(seed).Validate(), "seed %d", seed)
	}
}

func TestTheSearchFindsThatALiarCanShiftAMean(t *testing.T) {
	options := func(s simulation.Schedule) simulation.Options {
		env, err := newEnvironment(dayScenario(s))
		require.NoError(t, err)
		env.estimator, err = metrics.ParseEstimator("mean")
		require.NoError(t, err)
		o := env.options(func() bool { return false })
		o.Endless = false
		return o
	}
	draw := func(seed uint64) simulation.Schedule {
		s := drawDay(seed)
		s.Byzantine = []simulation.Placement{{Node: 0, Adversary: "restart"}}
		return s
	}
	found := simulation.Search{Seed: 1, Schedules: 40, Draw: draw, Options: options, NoShrink: true}.Run(context.Background())
	require.NotEmpty(t, found.Found)
	require.Equal(t, "honest range", found.Found[0].Result.Violations[0].Promise)
}

func TestFindEndsWithItsTime(t *testing.T) {
	found := Find(t.Context(), 1, time.Millisecond, nil)
	require.Empty(t, found.Found)
}

func TestHonestRangeByHand(t *testing.T) {
	rows := []metrics.Row{{Reporter: "a", Values: []metrics.Uptime{0}}, {Reporter: "b", Values: []metrics.Uptime{9000}}, {Reporter: "c", Values: []metrics.Uptime{9100}}}
	m, err := metrics.NewMatrix([]metrics.MixID{"m"}, rows)
	require.NoError(t, err)
	honest := []bool{false, true, true}
	result := func(value metrics.Uptime, reports uint16) metrics.Result {
		return metrics.Result{Mixnodes: m.Mixnodes, Values: []metrics.Uptime{value}, Reports: []uint16{reports}}
	}
	require.NoError(t, HonestRange(m, result(9000, 3), honest, 4))
	require.NoError(t, HonestRange(m, result(9100, 3), honest, 4))
	require.ErrorContains(t, HonestRange(m, result(8999, 3), honest, 4), "is not between the honest values")
	require.ErrorContains(t, HonestRange(m, result(metrics.Missing, 3), honest, 4), "is not between the honest values")
	require.ErrorContains(t, HonestRange(m, result(9000, 4), honest, 4), "from 4 values, the reports hold 3")
	require.ErrorContains(t, HonestRange(m, result(9000, 3), honest, 5), "3 reports, expected 4 of 5")
	rows[2].Values[0] = metrics.Missing
	require.NoError(t, HonestRange(m, result(metrics.Missing, 2), honest, 4))
	require.ErrorContains(t, HonestRange(m, result(9000, 2), honest, 4), "expected at least 3")
}

func TestRewardedIgnoresEpochsWithTooManyOffline(t *testing.T) {
	outcomes := []Outcome{{Rewarded: true}, {}, {}}
	offline := func(epoch int) int { return map[int]int{1: 0, 2: 1, 3: 2}[epoch] }
	require.EqualError(t, Rewarded(outcomes, 4, offline), "epoch 2 is not rewarded, although only 1 of 4 members were offline and f = 1")
	outcomes[1].Rewarded = true
	require.NoError(t, Rewarded(outcomes, 4, offline))
}

func TestTheSimulatedCostIsNearTheComputedOne(t *testing.T) {
	_, s := simulated(t, small(t, 7, "50ms", ""))
	require.InEpsilon(t, s.Costs[1].BytesPerNodeEpoch, s.Costs[0].BytesPerNodeEpoch, 0.25)
	require.InEpsilon(t, s.Costs[1].MessagesPerBlock, s.Costs[0].MessagesPerBlock, 0.1)
}

func TestFiguresCanBeDrawn(t *testing.T) {
	day, s := simulated(t, small(t, 4, "wan", ""))
	figures := day.Figures([]Growth{{Nodes: 4, Summary: s}})
	require.Len(t, figures, 4)
	for _, f := range figures {
		var svg bytes.Buffer
		require.NoError(t, f.Chart.WriteSVG(&svg), f.Name)
		require.Contains(t, svg.String(), "<svg")
	}
}

func TestInvalidFlagsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Nodes = 0 }, "--nodes 0: expected 1 to 200 Nym-APIs; give --nodes 10"},
		{func(c *Config) { c.Epochs = -1 }, "--epochs -1: expected 1 to 10000 epochs"},
		{func(c *Config) { c.Epoch = time.Second }, "--epoch 1s: expected whole milliseconds from 1m0s"},
		{func(c *Config) { c.Exchange = 2 * time.Hour }, "--exchange 2h0m0s: expected 100ms up to the length of an epoch"},
		{func(c *Config) { c.Adversaries = []AdversaryCount{{"nobody", 1}} }, "--adversary nobody: expected one of adaptive"},
		{func(c *Config) { c.Adversaries = []AdversaryCount{{"silent", 10}} }, "--adversary silent=10: expected at least one honest"},
	} {
		c := Default()
		tt.change(&c)
		require.ErrorContains(t, c.Validate(), tt.want)
	}
	for _, text := range []string{"silent", "silent=x", "=1", "silent=1,silent=2"} {
		_, err := ParseAdversaries(text)
		require.ErrorContains(t, err, "--adversary "+text, text)
	}
	for _, text := range []string{"", "slow", "1h", "constant", "0s"} {
		_, err := ParseLatency(text)
		require.ErrorContains(t, err, "--latency ", text)
	}
}
