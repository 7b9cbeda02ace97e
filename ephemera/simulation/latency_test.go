package simulation

import (
	"encoding/csv"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEmbeddedMediansMatchTheMeasurements(t *testing.T) {
	file, err := os.Open("testdata/seattle_rtt_ticks.csv")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+688*13)
	samples := map[string][][]int64{}
	var observers []string
	for _, row := range rows[1:] {
		name := row[1]
		if samples[name] == nil {
			samples[name] = make([][]int64, len(row)-2)
			observers = append(observers, name)
		}
		for i, cell := range row[2:] {
			if cell != "" { // a missing value is not zero
				value, err := strconv.ParseInt(cell, 10, 64)
				require.NoError(t, err)
				samples[name][i] = append(samples[name][i], value)
			}
		}
	}
	table := sites()
	require.Len(t, table, len(observers))
	for i, name := range observers {
		require.Len(t, table[i], len(samples[name]))
		for j, values := range samples[name] {
			median := int64(0)
			if len(values) > 0 {
				slices.Sort(values)
				median = values[(len(values)-1)/2]
			}
			require.Equal(t, median, table[i][j], "%s, target %d", name, j)
		}
	}
}

func TestDelaysStayInTheirModels(t *testing.T) {
	bounds := map[Latency][2]int64{Constant: {50_000, 50_000}, Uniform: {1000, 100_000}, Heavy: {2000, 4_000_000}, WAN: {4500, 4_000_000}}
	for _, l := range latencies {
		rng := random{state: 1}
		for from := range 40 {
			for to := range 40 {
				d := l.delay(from, to, rng.next())
				require.GreaterOrEqual(t, d, bounds[l][0], l)
				require.LessOrEqual(t, d, bounds[l][1], l)
			}
		}
		parsed, err := ParseLatency(string(l))
		require.NoError(t, err)
		require.Equal(t, l, parsed)
	}
	_, err := ParseLatency("none")
	require.Error(t, err)
}

// Draws are integers from a fixed mixer, so they are the same on every machine. These are the
// numbers that the first machine drew.
func TestDrawsAreTheSameOnEveryMachine(t *testing.T) {
	require.Equal(t, uint64(0xe220a8397b1dcdaf), mix(0), "splitmix64 of seed 0, first output")
	h := uint64(0)
	for seed := range uint64(100) {
		for _, b := range []byte(Draw(seed, Range{}).String()) {
			h = (h ^ uint64(b)) * tracePrime
		}
	}
	require.Equal(t, goldenDraws, h)
}

func TestQueueGivesTheEarliestAndAmongEqualsTheFirst(t *testing.T) {
	var q queue
	rng := random{state: 7}
	type entry struct{ at, order int64 }
	var want []entry
	for i := range int64(2000) {
		at := int64(rng.below(50))
		q.push(at, task{index: int32(i)})
		want = append(want, entry{at, i})
		if rng.permille(300) {
			slices.SortStableFunc(want, func(a, b entry) int { return int(a.at - b.at) })
			got, o := q.pop()
			require.Equal(t, want[0], entry{got, int64(o.index)})
			want = want[1:]
		}
	}
	slices.SortStableFunc(want, func(a, b entry) int { return int(a.at - b.at) })
	for _, w := range want {
		at, o := q.pop()
		require.Equal(t, w, entry{at, int64(o.index)})
	}
	require.Zero(t, q.len())
}

// goldenDraws is the hash of the first hundred drawn schedules.
const goldenDraws = uint64(0xe5aad815ecad5a33)
