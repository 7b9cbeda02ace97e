package lies

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

const missing = metrics.Missing

// scene is seven Nym-APIs of which the first two lie.
func scene(mixnodes int) Scene {
	return Scene{Draw: draw.State(1), N: 7, F: 2, Liars: []int{0, 1}, Mixnodes: mixnodes}
}

// measured returns what they measure: the liars 9000 and 9100, the others 9200 to 9600.
func measured(mixnodes int) [][]metrics.Uptime {
	rows := make([][]metrics.Uptime, 7)
	for i := range rows {
		rows[i] = slices.Repeat([]metrics.Uptime{9000 + 100*metrics.Uptime(i)}, mixnodes)
	}
	return rows
}

// begin returns the liars of a lie.
func begin(t *testing.T, name string, s Scene) Liars {
	t.Helper()
	lie, ok := Find(name)
	require.True(t, ok, name)
	return lie.Begin(s)
}

// reported returns what the two liars report about the first mixnode in an epoch.
func reported(t *testing.T, liars Liars, epoch int) [2]metrics.Uptime {
	t.Helper()
	rows := measured(1)
	require.Nil(t, liars.Report(epoch, rows))
	return [2]metrics.Uptime{rows[0][0], rows[1][0]}
}

func TestFixedLiesReportWhatTheySay(t *testing.T) {
	type both = [2]metrics.Uptime
	for _, tt := range []struct {
		name  string
		epoch int
		want  both
	}{
		{"zero", 1, both{0, 0}},
		{"hundred", 1, both{10000, 10000}},
		{"shave", 1, both{9300, 9300}},
		{"drifter", 1, both{8975, 9075}},
		{"drifter", 100, both{6500, 6600}},
		{"understate", 1, both{7800, 7900}},
		{"sleeper", 15, both{9400, 9400}},
		{"sleeper", 16, both{0, 0}},
		{"victims", 1, both{0, 0}}, // the only mixnode is one of them
		{"favour", 1, both{10000, 10000}},
		{"withhold", 1, both{missing, missing}},
		{"pinpricks", 1, both{0, 0}},
		{"turncoat", 23, both{0, 0}},
		{"turncoat", 25, both{0, 0}},
	} {
		require.Equal(t, tt.want, reported(t, begin(t, tt.name, scene(1)), tt.epoch), "%s in epoch %d", tt.name, tt.epoch)
	}
}

func TestSelectiveLiesSpareTheOtherMixnodes(t *testing.T) {
	const mixnodes = 120
	for name, want := range map[string]struct {
		hit   int
		value metrics.Uptime
		other [2]metrics.Uptime
	}{
		"victims":   {12, 0, [2]metrics.Uptime{9000, 9100}},
		"favour":    {12, 10000, [2]metrics.Uptime{9000, 9100}},
		"withhold":  {12, missing, [2]metrics.Uptime{9000, 9100}},
		"pinpricks": {2, 0, [2]metrics.Uptime{9400, 9400}},
	} {
		rows, hit := measured(mixnodes), 0
		begin(t, name, scene(mixnodes)).Report(1, rows)
		for j := range mixnodes {
			if rows[0][j] == want.value {
				hit++
				require.Equal(t, want.value, rows[1][j], name)
				continue
			}
			require.Equal(t, want.other, [2]metrics.Uptime{rows[0][j], rows[1][j]}, name)
		}
		require.Equal(t, want.hit, hit, name)
	}
}

func TestSplitTellsBothHalves(t *testing.T) {
	liars, seen := begin(t, "split", scene(1)), map[[2]metrics.Uptime]int{}
	for epoch := range 100 {
		seen[reported(t, liars, epoch+1)]++
	}
	require.Len(t, seen, 2)
	require.InDelta(t, 50, seen[[2]metrics.Uptime{0, 0}], 20)
	require.InDelta(t, 50, seen[[2]metrics.Uptime{10000, 10000}], 20)
}

func TestNoiseIsUnbiasedAndBounded(t *testing.T) {
	const mixnodes = 2000
	s, sum := scene(mixnodes), 0
	rows := measured(mixnodes)
	for i := range s.Liars {
		for j := range rows[i] {
			rows[i][j] = 5000
		}
	}
	begin(t, "noisy", s).Report(1, rows)
	low, high := slices.Min(rows[0]), slices.Max(rows[0])
	require.True(t, low >= 3000 && low < 3100 && high <= 7000 && high > 6900, "%d to %d", low, high)
	for _, v := range rows[0] {
		sum += int(v)
	}
	require.InDelta(t, 5000, sum/mixnodes, 100)
	require.NotEqual(t, rows[0], rows[1])
}

func TestCopiersRepeatOneHonestReport(t *testing.T) {
	for name, epochs := range map[string]int{"copier": 30, "turncoat": 22} {
		liars := begin(t, name, scene(1))
		first := reported(t, liars, 1)
		require.Equal(t, first[0], first[1])
		require.Contains(t, []metrics.Uptime{9200, 9300, 9400, 9500, 9600}, first[0])
		for epoch := 2; epoch <= epochs; epoch++ {
			require.Equal(t, first, reported(t, liars, epoch), name)
		}
	}
}

func TestCopiersMeasureWhileTheirSourceIsSilent(t *testing.T) {
	s := scene(1)
	rows := measured(1)
	rows[s.chosen(1)[0]] = nil
	begin(t, "copier", s).Report(1, rows)
	require.Equal(t, []metrics.Uptime{9000, 9100}, []metrics.Uptime{rows[0][0], rows[1][0]})
}

func TestLazyLiarsRepeatTheirFirstReport(t *testing.T) {
	s := scene(1)
	liars := begin(t, "lazy", s)
	rows := measured(1)
	rows[1] = nil
	liars.Report(1, rows)
	require.Nil(t, rows[1])
	rows = measured(1)
	rows[0][0], rows[1][0] = 1, 2
	liars.Report(2, rows)
	require.Equal(t, []metrics.Uptime{9000, 2}, []metrics.Uptime{rows[0][0], rows[1][0]})
	rows = measured(1)
	liars.Report(3, rows)
	require.Equal(t, []metrics.Uptime{9000, 2}, []metrics.Uptime{rows[0][0], rows[1][0]})
}

func TestParrotsRepeatDifferentReports(t *testing.T) {
	liars := begin(t, "parrot", scene(1))
	require.Equal(t, [2]metrics.Uptime{9200, 9300}, reported(t, liars, 1))
	rows := measured(1)
	rows[2], rows[3][0] = nil, 5000
	liars.Report(2, rows)
	require.Equal(t, []metrics.Uptime{9200, 5000}, []metrics.Uptime{rows[0][0], rows[1][0]}, "the last report of a silent one")
}

// TestFramersPushTheMedianAway checks that the framed Nym-APIs are farther from the median with the
// lie than without liars, and that liars stay within the honest values.
func TestFramersPushTheMedianAway(t *testing.T) {
	s := scene(1)
	for _, values := range [][]metrics.Uptime{{9200, 9300}, {9700, 9800}} {
		rows := measured(1)
		for x, i := range s.Honest() {
			rows[i][0] = 9400 + 50*metrics.Uptime(x)
		}
		for x, i := range s.chosen(2) {
			rows[i][0] = values[x]
		}
		honest := slices.Clone(s.HonestReports(rows).Column(0))
		begin(t, "framer", s).Report(1, rows)
		require.Contains(t, []metrics.Uptime{honest[0], honest[4]}, rows[0][0])
		all := slices.Sorted(slices.Values(append(honest, rows[0][0], rows[1][0])))
		before, after := distance(metrics.Median(honest), values), distance(metrics.Median(all), values)
		require.Greater(t, after, before)
	}
}

func distance(from metrics.Uptime, values []metrics.Uptime) (sum metrics.Uptime) {
	for _, v := range values {
		sum += max(v-from, from-v)
	}
	return sum
}

func TestJoinersFindTheSharedBias(t *testing.T) {
	const mixnodes = 50
	s := scene(mixnodes)
	liars := begin(t, "joiner", s)
	for epoch := range 3 {
		rows := measured(mixnodes)
		for i := 2; i < 7; i++ {
			for j := range mixnodes {
				rows[i][j] = 9000 + metrics.Uptime(draw.State(i*1000+j).With(uint64(epoch)).Below(400))
			}
		}
		for j := range mixnodes {
			rows[3][j], rows[6][j] = 8600, 8610
		}
		liars.Report(epoch+1, rows)
		require.Equal(t, metrics.Uptime(8605), rows[0][0])
		require.Equal(t, rows[0], rows[1])
	}
}
