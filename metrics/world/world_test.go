package world

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// All statistical tests have fixed seeds. Their tolerances are about four standard deviations.

func newWorld(t testing.TB, c Config) *World {
	t.Helper()
	w, err := New(c)
	require.NoError(t, err)
	return w
}

// firstOf returns the index of the first mixnode of that kind.
func firstOf(t testing.TB, w *World, k kind) int {
	t.Helper()
	mix := slices.IndexFunc(w.nodes, func(n node) bool { return n.kind == k })
	require.GreaterOrEqual(t, mix, 0)
	return mix
}

func TestSharesOfTheKinds(t *testing.T) {
	const n = 100_000
	w := newWorld(t, Config{Seed: 1, Mixnodes: n})
	counts := map[kind]int{}
	sum := 0.0
	for _, node := range w.nodes {
		counts[node.kind]++
		p := float64(node.p) / draw.One
		switch node.kind {
		case stable:
			require.InDelta(t, .99, p, 1e-9)
		case dead:
			require.Zero(t, p)
		case flapping:
			require.InDelta(t, .97, p, 1e-9)
		case mediocre:
			require.True(t, p >= .6-1e-9 && p < .98, p)
			sum += p
		}
	}
	for k, share := range map[kind]float64{stable: .70, mediocre: .20, dead: .03, flapping: .07} {
		require.InDelta(t, share, float64(counts[k])/n, 4*math.Sqrt(share*(1-share)/n))
	}
	require.InDelta(t, .79, sum/float64(counts[mediocre]), 4*.38/math.Sqrt(12*.2*n))
}

// TestReceivedPacketsAreBinomial compares the number of received packets out of 9 with the binomial
// distribution.
func TestReceivedPacketsAreBinomial(t *testing.T) {
	const ticks = 200_000
	w := newWorld(t, Config{Seed: 2, Mixnodes: 240})
	for _, mix := range []int{firstOf(t, w, stable), firstOf(t, w, mediocre)} {
		const api = 3
		loss := float64(w.seed.With(drawLoss).With(api).With(uint64(mix)).Below(maxLoss)) / draw.One
		require.True(t, loss >= 0 && loss < .02)
		p := float64(w.nodes[mix].p) / draw.One * (1 - loss)

		counts := map[uint8]int{}
		for tick := range int64(ticks) {
			value, ok := w.Sample(api, mix, tick)
			require.True(t, ok)
			counts[value]++
		}
		total := 0
		for k := range 10 {
			value := uint8(math.Floor(100*float64(k)/9 + .5))
			total += counts[value]
			choose := math.Round(math.Gamma(10) / math.Gamma(float64(k+1)) / math.Gamma(float64(10-k)))
			want := choose * math.Pow(p, float64(k)) * math.Pow(1-p, float64(9-k))
			require.InDelta(t, want, float64(counts[value])/ticks, 4*math.Sqrt(want/ticks)+2./ticks, "%d of 9", k)
		}
		require.Equal(t, ticks, total, "no other values")
	}
}

// roundedBinomial returns mean and variance of round(100 x k / packets), half up, for a binomial k.
func roundedBinomial(packets int, p float64) (mean, variance float64) {
	logFactorial := func(n int) float64 { l, _ := math.Lgamma(float64(n + 1)); return l }
	squares := 0.0
	for k := range packets + 1 {
		weight := math.Exp(logFactorial(packets) - logFactorial(k) - logFactorial(packets-k) +
			float64(k)*math.Log(p) + float64(packets-k)*math.Log(1-p))
		value := math.Floor(100*float64(k)/float64(packets) + .5)
		mean += weight * value
		squares += weight * value * value
	}
	return mean, squares - mean*mean
}

func TestMorePacketsReduceTheVariance(t *testing.T) {
	const api, ticks = 1, 50_000
	previous := math.Inf(1)
	for _, packets := range []int{1, 2, DefaultPackets, 10 * DefaultPackets} {
		w := newWorld(t, Config{Seed: 3, Mixnodes: 240, Packets: packets})
		require.Equal(t, newWorld(t, Config{Seed: 3, Mixnodes: 240}).nodes, w.nodes, "packets change no truth")
		mix := firstOf(t, w, mediocre)
		loss := float64(w.seed.With(drawLoss).With(api).With(uint64(mix)).Below(maxLoss)) / draw.One
		sum, squares := 0.0, 0.0
		for tick := range int64(ticks) {
			value, _ := w.Sample(api, mix, tick)
			sum += float64(value)
			squares += float64(value) * float64(value)
		}
		mean := sum / ticks
		variance := squares/ticks - mean*mean
		wantMean, wantVariance := roundedBinomial(packets, float64(w.nodes[mix].p)/draw.One*(1-loss))
		require.InDelta(t, wantMean, mean, 4*math.Sqrt(wantVariance/ticks), packets)
		require.InEpsilon(t, wantVariance, variance, .08, packets)
		require.Less(t, variance, previous)
		previous = variance
	}
}

func TestLossIsUniformUpToTwoPercentAndFixed(t *testing.T) {
	const n = 50_000
	w := newWorld(t, Config{Seed: 4, Mixnodes: n})
	sum, largest := 0.0, 0.0
	for mix := range n {
		loss := float64(w.seed.With(drawLoss).With(1).With(uint64(mix)).Below(maxLoss)) / draw.One
		sum, largest = sum+loss, max(largest, loss)
	}
	require.InDelta(t, .01, sum/n, 4*.02/math.Sqrt(12*n))
	require.InDelta(t, .02, largest, 1e-5)
}

func TestOnlyTheMissingShareIsLost(t *testing.T) {
	const mixnodes, ticks = 200, 500
	base := newWorld(t, Config{Seed: 5, Mixnodes: mixnodes})
	for _, share := range []float64{0, .02, .5, 1} {
		w := newWorld(t, Config{Seed: 5, Mixnodes: mixnodes, Missing: share})
		lost := 0
		for mix := range mixnodes {
			for tick := range int64(ticks) {
				value, ok := w.Sample(1, mix, tick)
				if !ok {
					lost++
					continue
				}
				want, _ := base.Sample(1, mix, tick)
				require.Equal(t, want, value)
			}
		}
		require.InDelta(t, share, float64(lost)/(mixnodes*ticks), 4*math.Sqrt(share*(1-share)/(mixnodes*ticks)))
	}
}

func TestDeadIsZeroAndNotMissing(t *testing.T) {
	w := newWorld(t, Config{Seed: 6, Mixnodes: 500})
	mix := firstOf(t, w, dead)
	for tick := range int64(100) {
		value, ok := w.Sample(1, mix, tick)
		require.True(t, ok)
		require.Zero(t, value)
	}
	truth, ok := w.Truth(mix, 0, 100)
	require.True(t, ok)
	require.Zero(t, truth)
}

// TestFlappingIsTheStationaryProcessOfItsMeans checks that a mixnode is up 60/75 of the time, at
// the edges of a span as well as in its middle, and that the covariance of the states at two
// moments t ticks apart is .8 x .2 x exp(-t (1/60 + 1/15)), which is .16 exp(-t/12). Together with
// the test of the exponential draws this determines the process.
func TestFlappingIsTheStationaryProcessOfItsMeans(t *testing.T) {
	const spans = 40_000
	moments := []int64{0, 3, 12, 500, 512, 536, 1023}
	up := make([]float64, len(moments))
	// The indices of two moments, and their distance.
	pairs := map[[2]int]float64{{0, 1}: 3, {0, 2}: 12, {3, 4}: 12, {3, 5}: 36, {0, 6}: 1023}
	products := map[[2]int]float64{}
	for i := range uint64(spans) {
		span := draw.State(8).With(i)
		states := make([]float64, len(moments))
		for k, tick := range moments {
			states[k] = float64(upTimeOfSpan(span, tick*subTicks, tick*subTicks+1))
			up[k] += states[k]
		}
		for pair := range pairs {
			products[pair] += (states[pair[0]] - .8) * (states[pair[1]] - .8)
		}
	}
	for k := range moments {
		require.InDelta(t, .8, up[k]/spans, 4*.4/math.Sqrt(spans), "tick %d", moments[k])
	}
	for pair, distance := range pairs {
		require.InDelta(t, .16*math.Exp(-distance/12), products[pair]/spans, 4*.24/math.Sqrt(spans), "%v ticks", distance)
	}
}

func TestTruthIsWhatPerfectMeasurementsAverageTo(t *testing.T) {
	w := newWorld(t, Config{Seed: 9, Mixnodes: 300, Packets: 20_000})
	mix := firstOf(t, w, flapping)
	const api = 2
	loss := float64(w.seed.With(drawLoss).With(api).With(uint64(mix)).Below(maxLoss)) / draw.One
	for _, from := range []int64{0, spanTicks - 20, 1 << 50} {
		sum := 0.0
		for tick := from; tick < from+40; tick++ {
			value, ok := w.Sample(api, mix, tick)
			require.True(t, ok)
			sum += float64(value)
		}
		own, ok := w.Uptime(mix, from, from+40)
		require.True(t, ok)
		require.InDelta(t, own*(1-loss), sum/40, .3)
	}
}

// One Nym-API is above or below the truth by its paths. The mean of many, and of all their paths,
// is not.
func TestTruthIsWhatPerfectObserversMeasureOnAverage(t *testing.T) {
	const apis = 2000
	w := newWorld(t, Config{Seed: 11, Mixnodes: 40, Packets: 2000})
	mix := firstOf(t, w, stable)
	sum := 0.0
	for api := range apis {
		value, ok := w.Sample(api+1, mix, 0)
		require.True(t, ok)
		sum += float64(value)
	}
	truth, ok := w.Truth(mix, 0, 1)
	require.True(t, ok)
	require.InDelta(t, 98.01, truth, 1e-6, "99 % through a path that loses 1 %")
	require.InDelta(t, truth, sum/apis, .1)
	own, ok := w.Uptime(mix, 0, 1)
	require.True(t, ok)
	require.InDelta(t, 99, own, 1e-6)
}

func TestRepetitionsAreLostAndMeasuredByThemselves(t *testing.T) {
	const ticks, times = 500, 8
	w := newWorld(t, Config{Seed: 12, Mixnodes: 60, Missing: .3})
	mix := firstOf(t, w, mediocre)
	lost, bothLost, sum, count := 0, 0, 0.0, 0
	for tick := range int64(ticks) {
		sample, sampled := w.Sample(1, mix, tick)
		first, ok := w.Repeat(1, mix, tick, 0)
		require.Equal(t, sampled, ok)
		require.Equal(t, sample, first)
		for number := int64(1); number < times; number++ {
			value, ok := w.Repeat(1, mix, tick, number)
			if !ok {
				lost++
				if !sampled {
					bothLost++
				}
				continue
			}
			sum, count = sum+float64(value), count+1
		}
	}
	const n = ticks * (times - 1)
	require.InDelta(t, .3, float64(lost)/n, .03)
	require.InDelta(t, .09, float64(bothLost)/n, .03, "independent of the first")
	truth, ok := w.Truth(mix, 0, ticks)
	require.True(t, ok)
	require.InDelta(t, truth, sum/float64(count), 2)
	_, ok = w.Repeat(1, mix, 0, -1)
	require.False(t, ok)
	_, ok = w.Repeat(1, mix, -1, 1)
	require.False(t, ok)
}

func TestTruthOfAWindowIsThatOfItsParts(t *testing.T) {
	w := newWorld(t, Config{Seed: 10, Mixnodes: 300})
	rapid.Check(t, func(t *rapid.T) {
		mix := rapid.IntRange(0, 299).Draw(t, "mix")
		from := rapid.OneOf(rapid.Int64Range(0, 5000), rapid.Int64Range(0, MaxTick-9000)).Draw(t, "from")
		a := rapid.Int64Range(1, 4000).Draw(t, "a")
		b := rapid.Int64Range(1, 4000).Draw(t, "b")
		first, ok := w.Truth(mix, from, from+a)
		require.True(t, ok)
		second, ok := w.Truth(mix, from+a, from+a+b)
		require.True(t, ok)
		whole, ok := w.Truth(mix, from, from+a+b)
		require.True(t, ok)
		require.InDelta(t, (first*float64(a)+second*float64(b))/float64(a+b), whole, 1e-9)
		require.True(t, whole >= 0 && whole <= 99)
	})
}

func TestWhatDoesNotExistHasNoValue(t *testing.T) {
	c := Config{Seed: 1, Mixnodes: 3}
	w := newWorld(t, c)
	u, err := NewUniform(c)
	require.NoError(t, err)
	for _, bad := range []struct {
		api, mix int
		tick     int64
	}{{0, 0, 0}, {-1, 0, 0}, {1, -1, 0}, {1, 3, 0}, {1, 0, -1}, {1, 0, MaxTick}, {1, 0, math.MaxInt64}} {
		_, ok := w.Sample(bad.api, bad.mix, bad.tick)
		require.False(t, ok, bad)
		_, ok = u.Sample(bad.api, bad.mix, bad.tick)
		require.False(t, ok, bad)
	}
	for _, bad := range [][3]int64{
		{-1, 0, 1}, {3, 0, 1}, {0, 1, 1}, {0, 2, 1}, {0, -1, 1}, {0, 0, MaxWindow + 1}, {0, MaxTick, MaxTick + 1},
	} {
		_, ok := w.Truth(int(bad[0]), bad[1], bad[2])
		require.False(t, ok, bad)
		_, ok = w.Uptime(int(bad[0]), bad[1], bad[2])
		require.False(t, ok, bad)
	}
	_, ok := u.Truth(0, 0, 1)
	require.False(t, ok)
	_, ok = u.Uptime(0, 0, 1)
	require.False(t, ok)
}

func TestInvalidConfigurationsAreErrors(t *testing.T) {
	for _, c := range []Config{
		{},
		{Mixnodes: MaxMixnodes + 1},
		{Mixnodes: 1, Packets: -1},
		{Mixnodes: 1, Packets: MaxPackets + 1},
		{Mixnodes: 1, Missing: -.1},
		{Mixnodes: 1, Missing: 1.1},
		{Mixnodes: 1, Missing: math.NaN()},
	} {
		_, err := New(c)
		require.ErrorIs(t, err, ErrConfig)
		_, err = NewUniform(c)
		require.ErrorIs(t, err, ErrConfig)
	}
}

func TestNamesSortLikeNumbers(t *testing.T) {
	for _, n := range []int{1, 999, 1000, 10_000} {
		ids := newWorld(t, Config{Mixnodes: n}).Mixnodes()
		require.Len(t, ids, n)
		require.True(t, slices.IsSorted(ids))
		_, err := metrics.NewMatrix(ids, nil)
		require.NoError(t, err)
	}
	require.Equal(t, []metrics.MixID{"m001", "m002"}, newWorld(t, Config{Mixnodes: 2}).Mixnodes())
	require.Equal(t, metrics.MixID("m0001"), newWorld(t, Config{Mixnodes: 1000}).Mixnodes()[0])
}

func TestUniformIsUniformAndIndependent(t *testing.T) {
	const n = 404_000
	u, err := NewUniform(Config{Seed: 11, Mixnodes: 1, Missing: .25})
	require.NoError(t, err)
	counts, lost := [101]int{}, 0
	sum, product, before := 0.0, 0.0, 50.0
	for tick := range int64(n) {
		value, ok := u.Sample(1, 0, tick)
		if !ok {
			lost++
			continue
		}
		counts[value]++
		sum += float64(value)
		product += (float64(value) - 50) * (before - 50)
		before = float64(value)
	}
	kept := float64(n - lost)
	require.InDelta(t, .25, float64(lost)/n, .003)
	require.InDelta(t, 50, sum/kept, 4*29.2/math.Sqrt(kept))
	require.InDelta(t, 0, product/kept/850, 4/math.Sqrt(kept), "a tick is independent of the one before")
	for value, count := range counts {
		require.InDelta(t, kept/101, float64(count), 4.5*math.Sqrt(kept/101), value)
	}
}

// sampler is what both sources have in common.
type sampler interface {
	Mixnodes() []metrics.MixID
	Sample(api, mix int, tick int64) (value uint8, ok bool)
	Truth(mix int, from, to int64) (points float64, ok bool)
}

var goldenConfig = Config{Seed: 1, Mixnodes: 240, Missing: .02}

func sources(t testing.TB) map[string]sampler {
	t.Helper()
	u, err := NewUniform(goldenConfig)
	require.NoError(t, err)
	return map[string]sampler{"world": newWorld(t, goldenConfig), "uniform": u}
}

// encode returns the value of every (Nym-API, mixnode, tick) of a small run, computed forwards or
// backwards.
func encode(s sampler, backwards bool) []byte {
	const apis, ticks = 4, 40
	mixnodes := len(s.Mixnodes())
	out := make([]byte, apis*mixnodes*ticks)
	for i := range out {
		if backwards {
			i = len(out) - 1 - i
		}
		value, ok := s.Sample(1+i/(mixnodes*ticks), i/ticks%mixnodes, int64(i%ticks))
		if !ok {
			value = 0xff
		}
		out[i] = value
	}
	return out
}

// TestGoldenSamples pins the worlds: a change here changes the world of every seed.
func TestGoldenSamples(t *testing.T) {
	golden := map[string]string{
		"world":   "440ec22edba390f26f78d07fc81eeba07e2186ac2ddc99ddbb7c0c6bd7c6fb94",
		"uniform": "6667808f359af04466043485a916f14e28280cee188548f195cff1de642fa322",
	}
	for name, s := range sources(t) {
		sum := sha256.Sum256(encode(s, false))
		require.Equal(t, golden[name], hex.EncodeToString(sum[:]), name)
	}
}

func TestOrderAndConcurrencyChangeNothing(t *testing.T) {
	for name, s := range sources(t) {
		want := encode(s, false)
		var group sync.WaitGroup
		got := make([][]byte, 4)
		for i := range got {
			group.Go(func() { got[i] = encode(s, i%2 == 0) })
		}
		group.Wait()
		for _, values := range got {
			require.Equal(t, want, values, name)
		}
	}
}

func TestSeedsNymAPIsAndTicksDiffer(t *testing.T) {
	a, b := newWorld(t, Config{Seed: 1, Mixnodes: 1000}), newWorld(t, Config{Seed: 2, Mixnodes: 1000})
	require.NotEqual(t, a.nodes, b.nodes)
	row := func(api int, tick int64) (values []uint8) {
		for mix := range 1000 {
			value, _ := a.Sample(api, mix, tick)
			values = append(values, value)
		}
		return values
	}
	require.NotEqual(t, row(1, 0), row(2, 0))
	require.NotEqual(t, row(1, 0), row(1, 1))
	require.NotEqual(t, row(1, 2), row(2, 1))
}

func BenchmarkSampleStable(b *testing.B)   { benchmarkSample(b, stable) }
func BenchmarkSampleFlapping(b *testing.B) { benchmarkSample(b, flapping) }

func benchmarkSample(b *testing.B, k kind) {
	w := newWorld(b, Config{Seed: 1, Mixnodes: 240})
	mix, tick := firstOf(b, w, k), int64(1)<<40
	for b.Loop() {
		tick++
		w.Sample(1, mix, tick)
	}
}
