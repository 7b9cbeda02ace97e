package scenes

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tests of scenes play them in several worlds, because what a scene teaches must not depend on
// one.

// eachSeed plays a scene in several worlds.
func eachSeed(t *testing.T, name string, check func(t *testing.T, acts []Act)) {
	scene, ok := Find(name)
	require.True(t, ok)
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed+1), func(t *testing.T) {
			acts, err := scene.Play(seed + 1)
			require.NoError(t, err)
			check(t, acts)
		})
	}
}

func (a Act) line(t *testing.T, way string) Line {
	t.Helper()
	line, ok := a.Line(way)
	require.True(t, ok, "no line %q in %q", way, a.Title)
	return line
}

// right requires that a way pays all cells with the error of measurements.
func right(t *testing.T, a Act, ways ...string) {
	t.Helper()
	for _, way := range ways {
		line := a.line(t, way)
		require.Zero(t, line.Missed, way)
		require.Zero(t, line.Unpaid, way)
		require.Less(t, *line.RMSE, 5.0, way)
	}
}

// wrong requires that a way pays all cells, and many of them far from the truth.
func wrong(t *testing.T, a Act, ways ...string) {
	t.Helper()
	for _, way := range ways {
		line := a.line(t, way)
		require.Zero(t, line.Unpaid, way)
		require.Greater(t, *line.RMSE, 25.0, way)
	}
}

// unpaid requires that a way misses all epochs of an act.
func unpaid(t *testing.T, a Act, ways ...string) {
	t.Helper()
	for _, way := range ways {
		line := a.line(t, way)
		require.Equal(t, line.Epochs, line.Missed, way)
		require.Equal(t, line.Cells, line.Unpaid, way)
		require.Nil(t, line.RMSE, way)
		require.Greater(t, line.Underpaid, 10.0, way)
	}
}

func TestEverySceneTellsWhatHappenedAndWhatItTeaches(t *testing.T) {
	names := map[string]bool{}
	for _, s := range All() {
		require.Regexp(t, regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`), s.Name)
		require.False(t, names[s.Name], s.Name)
		names[s.Name] = true
		require.NotEmpty(t, s.Reports, s.Name)
		for _, report := range s.Reports {
			require.Regexp(t, `#\d+$|, \w+ \d{4}$`, report, "a place where to read it")
		}
		for _, paragraph := range []string{s.Title, s.Happened, s.Teaches} {
			require.NotEmpty(t, paragraph, s.Name)
			require.NotContains(t, paragraph, "  ", s.Name)
		}
		require.Contains(t, []Help{helps, upToF, noHelp, another}, s.Median)
	}
	require.GreaterOrEqual(t, len(names), 12)
	_, found := Find("nothing")
	require.False(t, found)
}

func TestScenesAreTheSameEachTimeAndFitJSON(t *testing.T) {
	for _, s := range All() {
		first, err := s.Play(1)
		require.NoError(t, err, s.Name)
		second, err := s.Play(1)
		require.NoError(t, err, s.Name)
		require.Equal(t, first, second, s.Name)
		_, err = json.Marshal(first)
		require.NoError(t, err, s.Name)
		for _, act := range first {
			require.True(t, act.Table != nil || len(act.Lines) >= 2, act.Title)
			for _, line := range act.Lines {
				require.Equal(t, act.Last-act.First+1, line.Epochs)
			}
			if act.Table != nil {
				for _, row := range act.Table.Rows {
					require.Len(t, row, len(act.Table.Head))
				}
			}
		}
	}
}

func TestZerosOfOneNymAPICostThoseThatItPaysAlone(t *testing.T) {
	eachSeed(t, "zeros", func(t *testing.T, acts []Act) {
		wrong(t, acts[0], wayAlone)
		right(t, acts[0], wayContract, wayMedian, wayWeighted)
		mean := acts[0].line(t, wayMean)
		require.InDelta(t, -90.0*gateways/mixnodes/nymAPIs, *mean.Bias, 1.5, "the mean pays a tenth of the lie")
		require.Regexp(t, `Nym-API 1 are [78]\d\.\d points .* at most [345]\.`, acts[0].Says[0])
	})
}

// An outage of one costs nobody but those that it pays alone. One of f+1 stops the group, and not
// the performance contract, which even pays when nobody measures.
func TestOutagesOfMoreThanFStopTheGroup(t *testing.T) {
	eachSeed(t, "outage", func(t *testing.T, acts []Act) {
		for _, act := range acts {
			unpaid(t, act, wayAlone)
		}
		right(t, acts[0], wayContract, wayMedian)
		right(t, acts[1], wayContract)
		unpaid(t, acts[1], wayMedian)
		unpaid(t, acts[2], wayMedian)
		old := acts[2].line(t, wayContract)
		require.Equal(t, old.Cells, old.Carried)
		require.Contains(t, acts[2].Says[0], fmt.Sprint("pays ", 6*mixnodes, " cells"))
	})
}

func TestAResetLosesMeasurementsThatAreKnownByNumber(t *testing.T) {
	eachSeed(t, "reset", func(t *testing.T, acts []Act) {
		unpaid(t, acts[0], "Nym-API 1, by number")
		right(t, acts[0], "Nym-API 1, by time", wayContract, wayMedian)
		require.Contains(t, acts[0].Says[0], "23 later epochs, 0 of")
	})
}

func TestReportsAboutAnotherListAreRefusedAndNeverMoved(t *testing.T) {
	eachSeed(t, "stale-list", func(t *testing.T, acts []Act) {
		joins, leaves := acts[0], acts[1]
		unpaid(t, joins, byLength, liveNames)
		right(t, joins, wayContract, wayMedian)
		require.Contains(t, joins.Says[0], "node 241 in 10 reports")
		wrong(t, leaves, byPosition)
		require.Greater(t, leaves.line(t, byPosition).Overpaid, 25.0, "a mixnode that is down gets the score of another")
		require.Equal(t, 2, leaves.line(t, liveNames).Unpaid)
		right(t, leaves, wayContract, wayMedian)
		require.Equal(t, 1, leaves.line(t, wayContract).Carried, "nobody measured the mixnode that left")
	})
}

func TestNoRuleFindsABugThatAllObserversHave(t *testing.T) {
	eachSeed(t, "same-bug", func(t *testing.T, acts []Act) {
		right(t, acts[0], wayContract, wayMedian, wayWeighted)
		for _, act := range acts[1:] {
			wrong(t, act, wayContract, wayMedian, wayWeighted)
		}
		half := acts[1].line(t, wayMedian)
		require.InDelta(t, -50, *half.Bias, 2, "half of the observers take half of the reward")
		for _, line := range acts[2].Lines {
			require.Less(t, *line.Bias, -95.0, line.Way)
		}
	})
}

func TestDoubtHelpsAgainstBrokenObserversAndHarmsInARealOutage(t *testing.T) {
	eachSeed(t, "self-doubt", func(t *testing.T, acts []Act) {
		f, half, real := acts[0], acts[1], acts[2]
		right(t, f, wayContract, wayMedian, "performance, doubting", "Ephemera, doubting")
		require.Less(t, *f.line(t, wayMedian).Bias, -0.7)
		require.Greater(t, *f.line(t, "Ephemera, doubting").Bias, -0.5, "without the wrong reports the median is not low")
		wrong(t, half, wayContract, wayMedian)
		right(t, half, "performance, doubting")
		unpaid(t, half, "Ephemera, doubting", "Nym-API 1, doubting")
		right(t, real, wayAlone, wayContract, wayMedian)
		unpaid(t, real, "Ephemera, doubting", "Nym-API 1, doubting")
		require.Greater(t, real.line(t, "performance, doubting").Overpaid, 70.0, "mixnodes that are down get old rewards")
	})
}

func TestAMedianOutvotesThoseThatAreRecognisedWhileTheyAreFew(t *testing.T) {
	eachSeed(t, "recognised", func(t *testing.T, acts []Act) {
		for _, act := range acts[:2] {
			wrong(t, act, wayAlone)
			right(t, act, wayContract, wayMedian)
		}
		wrong(t, acts[2], wayAlone, wayContract, wayMedian)
		near := acts[3]
		require.Greater(t, *near.line(t, wayAlone).Bias-*near.line(t, wayMedian).Bias, 0.3)
		right(t, near, wayContract, wayMedian)
	})
}

func TestARegionNeedsMoreThanHalfOfTheObservers(t *testing.T) {
	eachSeed(t, "region", func(t *testing.T, acts []Act) {
		nobody, missing, three, six := acts[0], acts[1], acts[2], acts[3]
		wrong(t, nobody, wayAlone, wayContract, wayMedian)
		wrong(t, three, wayAlone, wayContract, wayMedian)
		right(t, six, wayContract, wayMedian)
		for _, way := range []string{wayAlone, wayMedian} {
			line := missing.line(t, way)
			require.Equal(t, 3*24, line.Carried, "values are kept for 3 epochs")
			require.Equal(t, line.Cells-line.Carried, line.Unpaid)
			require.Zero(t, line.Missed)
		}
		old := missing.line(t, wayContract)
		require.Equal(t, old.Cells, old.Carried, "and for 24 in the performance contract")
	})
}

// Without a minimum, two honest values are fine, one liar of two takes half, and one that is alone
// decides. With one, nobody is paid.
func TestWithoutAMinimumTheLastOneDecidesAlone(t *testing.T) {
	eachSeed(t, "few", func(t *testing.T, acts []Act) {
		for _, act := range acts {
			unpaid(t, act, wayMedian)
		}
		right(t, acts[0], wayContract)
		liar := acts[1].line(t, wayContract)
		require.InDelta(t, -45, *liar.Bias, 3)
		require.Less(t, liar.Mispaid, acts[1].line(t, wayMedian).Mispaid, "a lost epoch costs more than the lie")
		wrong(t, acts[2], wayContract)
		right(t, acts[3], wayContract)
		require.Greater(t, *acts[3].line(t, wayContract).Bias, 0.0, "friends get more than they should")
	})
}

func TestLateReportersStayAmongHonestValuesAndStillCost(t *testing.T) {
	eachSeed(t, "last-reporter", func(t *testing.T, acts []Act) {
		require.Equal(t, [][]string{{"0.00", "22.76"}, {"22.76", "22.76"}, {"23.00", "23.00"}, {"23.18", "23.18"}, {"100.00", "23.18"}},
			acts[0].Table.Rows, "the numbers of the report")
		shifts := [2]float64{}
		for i, act := range acts[1:] {
			right(t, act, wayContract, wayMedian)
			var chance float64
			_, err := fmt.Sscanf(act.Says[0], "The median of a victim falls by %f points, and the weight with which Nym draws it by %f %%.", &shifts[i], &chance)
			require.NoError(t, err, act.Says[0])
			require.Less(t, shifts[i], 2.0)
			require.Greater(t, chance, 10*shifts[i], "the draw takes the 20th power")
		}
		require.Greater(t, shifts[0], 0.1)
		require.Greater(t, shifts[1], 2*shifts[0])
	})
}

func TestCopiesCostPrecisionAndMultiplyALie(t *testing.T) {
	eachSeed(t, "copied", func(t *testing.T, acts []Act) {
		nobody, three, six, lies := acts[0], acts[1], acts[2], acts[3]
		for _, way := range []string{wayContract, wayMedian, wayWeighted} {
			require.Greater(t, *three.line(t, way).RMSE, *nobody.line(t, way).RMSE+0.3, way)
			require.Greater(t, *six.line(t, way).RMSE, *three.line(t, way).RMSE+0.3, way)
		}
		require.InDelta(t, *six.line(t, wayAlone).RMSE, *six.line(t, wayMedian).RMSE, 1e-9, "seven equal reports are one")
		wrong(t, lies, wayAlone, wayContract, wayMedian, wayWeighted)
		require.Contains(t, three.Says[0], "weighs 1.00 times")
	})
}

func TestTheOrderOfColumnsDecidesThereAndNotHere(t *testing.T) {
	eachSeed(t, "columns", func(t *testing.T, acts []Act) {
		rows := acts[0].Table.Rows
		require.Equal(t, []string{"v1", "outlier", "slashed"}, rows[0][:3], "as in the report")
		require.Equal(t, []string{"v2", "-", "-"}, rows[1][:3])
		require.Equal(t, []string{"v3", "slashed", "outlier"}, rows[2][:3])
		for _, row := range rows {
			require.Equal(t, row[3], row[4], "the order makes no difference")
		}
		require.Equal(t, rows[0][3], rows[2][3], "nor does it who is off where")
		require.NotEqual(t, rows[0][3], rows[1][3])
	})
}

func TestAnotherRuleIsFoundByRecomputing(t *testing.T) {
	eachSeed(t, "verifier", func(t *testing.T, acts []Act) {
		right(t, acts[0], "Median, as described")
		wrong(t, acts[0], "Mean, unannounced")
		found := map[string]int{}
		for _, row := range acts[0].Table.Rows {
			var count int
			if _, err := fmt.Sscanf(row[1], "%d of 240", &count); err == nil {
				found[row[0]] = count
			}
		}
		require.Len(t, found, 3, "nothing can be recomputed from the word of one")
		require.Greater(t, found[wayMedian], 200)
		require.Greater(t, found[wayContract], 100)
		require.Zero(t, found[wayContract+", epoch removed"])
		require.Contains(t, acts[0].Says[0], "estimator median, version 2: this program has version 1")
	})
}
