package answers

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics/draw"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/records"
)

// losses are made-up losses: by way, while nobody lies, under each lie of f liars, and of f+1.
type losses map[string]struct{ honest, zero, shave, beyond float64 }

// usual are losses in which mad is the best rule, and passes the guards.
func usual() losses {
	return losses{
		"single-1": {20, 900, 30, 900}, "single-10": {20, 20, 20, 20}, "mean": {6, 9, 9, 9},
		"median": {10, 20, 18, 50}, "lowmedian": {10, 25, 18, 60}, "trimmed": {9, 18, 19, 70}, "mad": {8, 10, 15, 52}, "wmedian": {10, 16, 17, 500},
	}
}

// records returns results of two conditions with those losses and noise that is common to all ways.
func (l losses) records(seeds int) []records.Record {
	var records []records.Record
	for _, missing := range []float64{0, 0.25} {
		for _, cell := range []struct {
			lie   string
			liars int
		}{{experiment.Honest, 0}, {"zero", 3}, {"shave", 3}, {"zero", 4}} {
			c := experiment.Base("base", cell.lie)
			c.Mixnodes, c.Epochs, c.Ticks, c.Missing, c.Liars = 0, 0, 0, missing, cell.liars
			for seed := uint64(1); seed <= uint64(seeds); seed++ {
				for _, way := range []string{"single-1", "single-10", "mean", "median", "lowmedian", "trimmed", "mad", "wmedian"} {
					value := map[string]float64{"honest0": l[way].honest, "zero3": l[way].zero, "shave3": l[way].shave, "zero4": l[way].beyond}[fmt.Sprint(cell.lie, cell.liars)]
					own := draw.State(seed).With(uint64(len(way))).With(uint64(way[0])).Fraction()
					noise := float64(draw.State(seed).With(1).Fraction())/draw.One + 0.1*float64(own)/draw.One
					records = append(records, record(c, seed, way, 100*missing+value+noise))
				}
			}
		}
	}
	return records
}

// record returns a record with that loss. All other measures are 1.
func record(c experiment.Cell, seed uint64, way string, value float64) records.Record {
	r := records.Record{Cell: c, Seed: seed, Way: way}
	for _, m := range experiment.Measures() {
		switch {
		case m.Name == loss:
			r.Values = append(r.Values, value)
		case slices.Contains(commonMeasures(), m.Name):
			r.Values = append(r.Values, 1)
		default:
			r.Values = append(r.Values, math.NaN())
		}
	}
	return r
}

func verdict(t *testing.T, l losses, seeds int) *Verdict {
	t.Helper()
	a, err := New(l.records(seeds))
	require.NoError(t, err)
	require.NotNil(t, a.Verdict())
	return a.Verdict()
}

func TestTheBestRuleHasTheSmallestLossUnderItsOwnWorstLie(t *testing.T) {
	v := verdict(t, usual(), 20)
	require.Equal(t, "mad", v.Best)
	require.Equal(t, "mad", v.Default)
	require.Equal(t, "mad", v.Recommended)
	require.Len(t, v.Conditions, 2)
	worst := map[string]string{}
	for i, w := range v.Conditions[1].Worst {
		worst[v.Rules[i].Name] = w.Lie
	}
	require.Equal(t, map[string]string{"mean": "zero", "median": "zero", "lowmedian": "zero", "trimmed": "shave", "mad": "shave", "wmedian": "shave"}, worst)
	mad, _ := v.Rule("mad")
	require.InDelta(t, 15+12.5+0.55, mad.Score.Mean, 0.55, "worst loss, half of what gaps cost, and noise")
	require.Zero(t, mad.MeanRegret)
	median, _ := v.Rule("median")
	require.InDelta(t, 5, median.LargeRegret, 0.2)
	require.InDelta(t, 5, median.Difference.Mean, 0.2)
	require.Less(t, median.Difference.Half(), median.Score.Half()/2, "noise common to all rules leaves paired differences")
	require.Less(t, median.Adjusted, significant)
}

func TestARuleThatALiarCanMoveIsNeverBest(t *testing.T) {
	l := usual()
	l["mean"] = struct{ honest, zero, shave, beyond float64 }{1, 1, 1, 1}
	v := verdict(t, l, 20)
	require.Equal(t, "mad", v.Best)
	mean, _ := v.Rule("mean")
	require.False(t, mean.Candidate)
	require.False(t, mean.Tied)
}

func TestGuardsKeepTheDefault(t *testing.T) {
	for name, change := range map[string]func(l losses){
		"mad loses too much while nobody lies": func(l losses) { l["mad"] = struct{ honest, zero, shave, beyond float64 }{14, 10, 15, 52} },
		"mad loses too much with f+1 liars":    func(l losses) { l["mad"] = struct{ honest, zero, shave, beyond float64 }{8, 10, 15, 70} },
		"it is tied with mad":                  func(l losses) { l["median"] = struct{ honest, zero, shave, beyond float64 }{10, 15.1, 14, 50} },
	} {
		l := usual()
		change(l)
		v := verdict(t, l, 20)
		require.Equal(t, "mad", v.Best, name)
		require.Equal(t, "median", v.Default, name)
		require.Equal(t, name, v.Kept)
	}
}

func TestGuardsThatTheResultsCannotJudgeKeepTheDefault(t *testing.T) {
	for name, lacks := range map[string]func(c experiment.Cell) bool{
		"no cell says what mad loses while nobody lies": func(c experiment.Cell) bool { return c.Liars == 0 },
		"no cell says what mad loses with f+1 liars":    func(c experiment.Cell) bool { return c.Liars > c.F() },
	} {
		a, err := New(slices.DeleteFunc(usual().records(20), func(r records.Record) bool { return lacks(r.Cell) }))
		require.NoError(t, err)
		require.Equal(t, name, a.verdict.Kept)
		require.Equal(t, "median", a.verdict.Default)
	}
}

func TestSectionsShowTheLossAndLostEpochsIfThereAreAny(t *testing.T) {
	names := func(lost float64) (names []string) {
		var all []records.Record
		for seed := range uint64(6) {
			r := record(experiment.Base("hoster", experiment.Honest), seed, "median", 7)
			r.Mixnodes, r.Epochs, r.Ticks = 0, 0, 0
			r.Values[slices.IndexFunc(experiment.Measures(), func(m experiment.Measure) bool { return m.Name == missed })] = lost
			all = append(all, r)
		}
		a, err := New(all)
		require.NoError(t, err)
		for _, m := range a.measuresOf(a.of("hoster")) {
			names = append(names, m.Name)
		}
		return names
	}
	require.Equal(t, []string{"mispaid"}, names(0))
	require.ElementsMatch(t, []string{"mispaid", "missed"}, names(0.1))
}

func TestAmongTiedRulesTheOneThatNeedsLessIsRecommended(t *testing.T) {
	l := usual()
	l["median"] = struct{ honest, zero, shave, beyond float64 }{8, 15.1, 14, 50}
	v := verdict(t, l, 20)
	require.Equal(t, "median", v.Recommended)
	l["median"] = struct{ honest, zero, shave, beyond float64 }{9, 15.1, 14, 50}
	require.Equal(t, "mad", verdict(t, l, 20).Recommended, "unless it loses more while nobody lies")
}

// TestSeedsThatChooseDoNotReport changes the losses of one half of the seeds.
func TestSeedsThatChooseDoNotReport(t *testing.T) {
	change := func(from, to uint64) *Verdict {
		records := usual().records(20)
		for i, r := range records {
			if r.Seed >= from && r.Seed <= to && r.Way == "mad" {
				at := slices.IndexFunc(experiment.Measures(), func(m experiment.Measure) bool { return m.Name == loss })
				records[i].Values[at] += 100
			}
		}
		a, err := New(records)
		require.NoError(t, err)
		return a.Verdict()
	}
	plain, late, early := verdict(t, usual(), 20), change(11, 20), change(1, 10)
	require.Equal(t, plain.Best, late.Best, "the seeds that report choose nothing")
	require.NotEqual(t, plain.Best, late.Confirmed)
	require.NotEqual(t, plain.Best, early.Best)
	require.Equal(t, plain.Rules[4].Score, early.Rules[4].Score, "the seeds that choose report nothing")
	require.EqualValues(t, 1, plain.Choosing[0])
	require.EqualValues(t, 11, plain.Reporting[0])
	require.EqualValues(t, 11, verdict(t, usual(), 30).Reporting[0], "at most ten seeds choose")
	require.Len(t, verdict(t, usual(), 1).Reporting, 1)
}

func TestResultsOfWhichAPartIsMissingAreRefused(t *testing.T) {
	records := usual().records(4)
	_, err := New(records[1:])
	require.ErrorIs(t, err, ErrResults)
	require.ErrorContains(t, err, "base n=10 liars=0 lie=honest missing=0: expected 8 ways with 4 seeds each, got 31 lines")
	for i := range records {
		if records[i].Lie == "zero" {
			records[i].Seed += 100
		}
	}
	_, err = New(records)
	require.ErrorContains(t, err, "has other seeds than base")
}

func TestResultsWithoutTheBaseCellsHaveNoVerdict(t *testing.T) {
	records := usual().records(4)
	for i := range records {
		records[i].Section = "packets"
	}
	a, err := New(records)
	require.NoError(t, err)
	require.Nil(t, a.Verdict())
	var b bytes.Buffer
	require.NoError(t, a.WriteText(&b))
	require.Contains(t, b.String(), "packets: mispaid while nobody lies")
	require.Contains(t, b.String(), "there is no verdict")
	fits(t, b.String())
	require.NoError(t, a.Write(t.TempDir()))
	empty, err := New(nil)
	require.NoError(t, err)
	require.NoError(t, empty.Write(t.TempDir()))
}

func fits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 80, line)
	}
}

func TestTheTextFitsATerminal(t *testing.T) {
	for _, seeds := range []int{1, 3, 20} {
		a, err := New(usual().records(seeds))
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, a.WriteText(&b))
		fits(t, b.String())
		require.Contains(t, b.String(), "Best by the criterion: mad.")
		require.Equal(t, seeds < 20, strings.Contains(b.String(), "too few for intervals"), seeds)
	}
}

// TestThePageAsksForNothing reads all that is written, twice, on one core and on many.
func TestThePageAsksForNothingAndIsTheSameOnAnyNumberOfCores(t *testing.T) {
	written := func(cores int) map[string]string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		a, err := New(usual().records(12))
		require.NoError(t, err)
		dir, content := t.TempDir(), map[string]string{}
		require.NoError(t, a.Write(dir))
		require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			bytes, err := os.ReadFile(path)
			content[strings.TrimPrefix(path, dir)] = string(bytes)
			return err
		}))
		return content
	}
	first := written(1)
	require.Equal(t, first, written(8))
	page := html.UnescapeString(first["/index.html"])
	require.NotContains(t, page, "http")
	for _, source := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		inside := strings.HasPrefix(source[1], "data:image/svg+xml;base64,") || strings.HasSuffix(source[1], ".csv")
		require.True(t, inside, source[1])
	}
	svg := 0
	for name := range first {
		if strings.HasSuffix(name, ".svg") {
			svg++
			require.Contains(t, first, strings.TrimSuffix(name, ".svg")+".csv", "data are next to each figure")
		}
	}
	require.Equal(t, svg, strings.Count(page, "<figure"))
	require.GreaterOrEqual(t, svg, 5)
}

func TestComparisonsWithTheMedianAreCountedAndAdjusted(t *testing.T) {
	a, err := New(usual().records(20))
	require.NoError(t, err)
	require.Len(t, a.compared, 2*4*7, "conditions, cells and other ways")
	for _, c := range a.compared {
		require.GreaterOrEqual(t, c.adjusted, c.p)
		if c.way == "wmedian" && c.Lie == "zero" && c.Liars == 4 {
			require.InDelta(t, 450, c.difference.Mean, 1)
			require.True(t, c.holds())
		}
		if c.way == "lowmedian" && c.Lie == "shave" {
			require.False(t, c.holds(), "they differ by noise only")
		}
	}
}

func TestAFigureHasAPointForEachLineOfItsData(t *testing.T) {
	a, err := New(usual().records(20))
	require.NoError(t, err)
	for _, f := range a.Figures() {
		points := 0
		for _, line := range f.Chart.Lines {
			points += len(line.X)
		}
		require.Equal(t, points+1, strings.Count(string(f.CSV()), "\n"), f.Name)
		require.NotEmpty(t, f.Chart.X, f.Name)
		require.NotEmpty(t, f.Chart.Y, f.Name)
	}
}
