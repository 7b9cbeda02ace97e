package grid

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/records"
)

// child is the variable that makes the test binary a process that plays into this folder.
const child = "GRID_TEST_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(child); folder != "" {
		fmt.Println(playAndWait(folder))
		return
	}
	os.Exit(m.Run())
}

// small is a choice of a few cells of several sections.
func small() Choice {
	return Choice{
		Sections: []string{"base", "hoster"}, N: []int{4, 10}, Lies: []string{experiment.Honest, "zero"}, Missing: []float64{0},
		FirstSeed: 7, Seeds: 3, Epochs: 3, Estimators: []string{"median", "wmedian"},
	}
}

// cheapPlan has many runs that take no time.
func cheapPlan(t testing.TB) *Plan {
	p, err := Choice{Seeds: 3, N: []int{4}}.Plan([]experiment.Section{{
		Name: "s", Cells: experiment.Sections()[0].Cells,
		Play: func(c experiment.Cell, seed uint64) ([]experiment.Outcome, error) {
			return []experiment.Outcome{{Way: "w", Figures: experiment.Figures{RMSE: float64(seed) / 3, Worst: c.Missing}}}, nil
		},
	}}, "test")
	require.NoError(t, err)
	return p
}

func planOf(t testing.TB, c Choice) *Plan {
	t.Helper()
	p, err := c.Plan(experiment.Sections(), "test")
	require.NoError(t, err)
	return p
}

func open(t testing.TB, folder string, p *Plan) *Journal {
	t.Helper()
	j, err := Open(folder, p)
	require.NoError(t, err)
	return j
}

// finish plays what remains in a folder and returns the results.
func finish(t testing.TB, folder string, p *Plan) string {
	t.Helper()
	j := open(t, folder, p)
	require.NoError(t, p.Run(t.Context(), j, nil))
	path, err := j.WriteResults()
	require.NoError(t, err)
	require.NoError(t, j.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

func TestResultsAreTheSameOnAnyNumberOfCores(t *testing.T) {
	var first string
	for _, cores := range []int{1, 2, 8} {
		before := runtime.GOMAXPROCS(cores)
		got := finish(t, t.TempDir(), planOf(t, small()))
		runtime.GOMAXPROCS(before)
		if first == "" {
			first = got
		}
		require.Equal(t, first, got)
	}
}

func TestResultsHaveEveryCellSeedAndWayInOrder(t *testing.T) {
	p := planOf(t, small())
	folder := t.TempDir()
	rows, err := records.Read(strings.NewReader(finish(t, folder, p)))
	require.NoError(t, err)
	for _, c := range p.cells {
		for seed := range uint64(3) {
			for _, way := range c.Ways() {
				require.Equal(t, records.Record{Cell: records.Identity(c.Cell), Seed: 7 + seed, Way: way.Name(), Values: rows[0].Values}, rows[0])
				require.False(t, math.IsNaN(rows[0].Values[0]))
				rows = rows[1:]
			}
		}
	}
	require.Empty(t, rows)
}

func TestValuesAreKeptAsTheyAre(t *testing.T) {
	f := experiment.Figures{RMSE: 1. / 3, Bias: math.NaN(), Worst: -1e-30, Cells: 4, Fresh: 1}
	name, values := parseWay(wayText(experiment.Outcome{Way: "trimmed(2)", Figures: f}))
	require.Equal(t, "trimmed(2)", name)
	for i, m := range experiment.Measures() {
		if want := m.Value(f); math.IsNaN(want) {
			require.True(t, math.IsNaN(values[i]), m.Name)
		} else {
			require.InDelta(t, want, values[i], 1e-10, m.Name)
		}
	}
}

// TestInterruptedRunsContinue cancels after each number of runs, and continues.
func TestInterruptedRunsContinue(t *testing.T) {
	p := planOf(t, small())
	want := finish(t, t.TempDir(), p)
	folder := t.TempDir()
	for kept := 1; kept < p.Runs(); kept += 5 {
		ctx, cancel := context.WithCancel(t.Context())
		j := open(t, folder, p)
		before := j.Done()
		err := p.Run(ctx, j, func(done int) {
			if done >= kept {
				cancel()
			}
		})
		cancel()
		if j.Done() < p.Runs() {
			require.ErrorIs(t, err, context.Canceled)
		}
		require.Greater(t, j.Done(), before-1)
		require.NoError(t, j.Close())
	}
	require.Equal(t, want, finish(t, folder, p))
}

// TestAJournalCutOrDamagedAnywhereContinues is what kill -9 and a disk that lost the end leave.
func TestAJournalCutOrDamagedAnywhereContinues(t *testing.T) {
	p := cheapPlan(t)
	source := t.TempDir()
	want := finish(t, source, p)
	whole, err := os.ReadFile(filepath.Join(source, journalFile))
	require.NoError(t, err)
	header := slices.Index(whole, '\n') + 1
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		content := slices.Clone(whole[:rapid.IntRange(0, len(whole)).Draw(t, "length")])
		if len(content) > header && rapid.Bool().Draw(t, "damage") {
			content[rapid.IntRange(header, len(content)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		if err := os.WriteFile(filepath.Join(folder, journalFile), content, 0o644); err != nil {
			t.Fatal(err)
		}
		j, err := Open(folder, p)
		require.NoError(t, err)
		require.NoError(t, j.Close())
		j, err = Open(folder, p)
		require.NoError(t, err)
		require.Zero(t, j.Dropped(), "nothing of what was damaged is left")
		require.NoError(t, p.Run(context.Background(), j, nil))
		var got strings.Builder
		require.NoError(t, records.Write(&got, j.Results()))
		require.NoError(t, j.Close())
		require.Equal(t, want, got.String())
	})
}

func TestAKilledProcessContinues(t *testing.T) {
	p := planOf(t, small())
	want := finish(t, t.TempDir(), p)
	folder := t.TempDir()
	for range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+folder)
		output, err := cmd.StdoutPipe()
		require.NoError(t, err)
		_, err = cmd.StdinPipe() // stays open until the process has ended
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		require.True(t, bufio.NewScanner(output).Scan(), "two more results")
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
	}
	j := open(t, folder, p)
	require.Equal(t, 6, j.Done(), "results that were reported are kept")
	require.NoError(t, j.Close())
	require.Equal(t, want, finish(t, folder, p))
}

// playAndWait plays into a folder until there are two more results. It says so, and waits for its
// end in the middle of its work.
func playAndWait(folder string) error {
	p, err := small().Plan(experiment.Sections(), "test")
	if err != nil {
		return err
	}
	j, err := Open(folder, p)
	if err != nil {
		return err
	}
	enough := j.Done() + 2
	return p.Run(context.Background(), j, func(done int) {
		if done == enough {
			fmt.Println(done)
			_, _ = io.ReadAll(os.Stdin)
		}
	})
}

func TestAnotherConfigurationIsRefusedAndChangesNothing(t *testing.T) {
	folder := t.TempDir()
	finish(t, folder, planOf(t, small()))
	before, err := os.ReadFile(filepath.Join(folder, journalFile))
	require.NoError(t, err)
	for want, change := range map[string]func(*Choice){
		"of 3 seeds from 7, now 4 from 7": func(c *Choice) { c.Seeds = 4 },
		"of 3 seeds from 7, now 3 from 8": func(c *Choice) { c.FirstSeed = 8 },
		"cells, now ":                     func(c *Choice) { c.N = []int{4} },
		"of other cells":                  func(c *Choice) { c.Epochs = 4 },
		"results of other cells":          func(c *Choice) { c.Estimators = []string{"mean", "median"} },
	} {
		c := small()
		change(&c)
		_, err := Open(folder, planOf(t, c))
		require.ErrorIs(t, err, ErrFolder)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "--out "+folder)
	}
	p, err := small().Plan(experiment.Sections(), "other")
	require.NoError(t, err)
	_, err = Open(folder, p)
	require.ErrorContains(t, err, "of program version test, this is other")
	p, err = small().Plan(experiment.Sections(), "test", "a recording")
	require.NoError(t, err)
	_, err = Open(folder, p)
	require.ErrorContains(t, err, "of another recording")
	after, err := os.ReadFile(filepath.Join(folder, journalFile))
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestFoldersWithOtherFilesAreRefused(t *testing.T) {
	p := planOf(t, small())
	for name, content := range map[string]string{"notes.txt": "mine", journalFile: "mine", lockFile + "/x": ""} {
		folder := t.TempDir()
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		_, err := Open(folder, p)
		require.Error(t, err, name)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(after))
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Open(file, p)
	require.ErrorIs(t, err, ErrFolder)
}

func TestAFolderIsUsedByOneProcess(t *testing.T) {
	folder, p := t.TempDir(), planOf(t, small())
	j := open(t, folder, p)
	_, err := Open(folder, p)
	require.ErrorIs(t, err, ErrFolder)
	require.ErrorContains(t, err, "in use by another process")
	require.NoError(t, j.Close())
	require.NoError(t, open(t, folder, p).Close())
}

func TestADiscardedJournalLeavesNothingUnlessItWasThere(t *testing.T) {
	p := planOf(t, small())
	folder := filepath.Join(t.TempDir(), "new")
	require.NoError(t, open(t, folder, p).Discard())
	require.NoDirExists(t, folder)
	finish(t, folder, p)
	require.NoError(t, open(t, folder, p).Discard())
	require.FileExists(t, filepath.Join(folder, journalFile))
}

func TestAFailedRunEndsTheOthers(t *testing.T) {
	broken := errors.New("broken")
	c := small()
	c.Sections = nil
	sections := []experiment.Section{{Name: "s", Cells: experiment.Sections()[0].Cells, Play: func(c experiment.Cell, seed uint64) ([]experiment.Outcome, error) {
		if seed == 8 {
			return nil, broken
		}
		return []experiment.Outcome{{Way: "w"}}, nil
	}}}
	p, err := c.Plan(sections, "test")
	require.NoError(t, err)
	j := open(t, t.TempDir(), p)
	defer j.Close()
	err = p.Run(t.Context(), j, nil)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "with seed 8")
	require.GreaterOrEqual(t, j.Done(), len(p.cells))
}

func TestChoicesThatSelectNothingAreRefused(t *testing.T) {
	for want, c := range map[string]Choice{
		"--section bases: expected some of base,hoster,":        {Sections: []string{"bases"}, Seeds: 1},
		"--section base: given twice":                           {Sections: []string{"base", "base"}, Seeds: 1},
		"--n 99: expected some of ":                             {N: []int{99}, Seeds: 1},
		"--lie nothing: expected some of honest,zero,":          {Lies: []string{"nothing"}, Seeds: 1},
		"--missing 0.3: expected some of 0,0.1,0.25,0.5":        {Missing: []float64{0.3}, Seeds: 1},
		"--estimator: unknown estimator \"best\"":               {Estimators: []string{"best"}, Seeds: 1},
		"--estimator mad: given twice":                          {Estimators: []string{"mad", "mad"}, Seeds: 1},
		"--seeds 0: expected 1 to 10000":                        {},
		"--seeds 10001: expected 1 to 10000":                    {Seeds: MaxSeeds + 1},
		"--epochs -1: expected 1 to 10000":                      {Seeds: 1, Epochs: -1},
		"--first-seed 18446744073709551615: expected a smaller": {Seeds: 1, FirstSeed: 1<<64 - 1},
		"no cell has all of":                                    {Sections: []string{"packets"}, N: []int{4}, Seeds: 1},
	} {
		_, err := c.Plan(experiment.Sections(), "test")
		require.ErrorIs(t, err, ErrChoice)
		require.ErrorContains(t, err, want)
	}
}

func TestAQuickPlanHasCellsOfEverySection(t *testing.T) {
	p := planOf(t, Choice{Seeds: 1, Quick: true})
	var names []string
	for _, c := range p.cells {
		if !slices.Contains(names, c.Section) {
			names = append(names, c.Section)
		}
		require.NotEqual(t, experiment.DefaultEpochs, c.Epochs)
	}
	require.Len(t, names, len(experiment.Sections()))
}

// TestTheEstimateIsTheWorkOnAllCores plays cells that take a known time.
func TestTheEstimateIsTheWorkOnAllCores(t *testing.T) {
	const takes = 20 * time.Millisecond
	busy := func(experiment.Cell, uint64) ([]experiment.Outcome, error) {
		for start := time.Now(); time.Since(start) < takes; {
		}
		return []experiment.Outcome{{Way: "w"}}, nil
	}
	c := Choice{Seeds: 100}
	p, err := c.Plan([]experiment.Section{{Name: "s", Cells: experiment.Sections()[0].Cells, Play: busy}}, "test")
	require.NoError(t, err)
	j := open(t, t.TempDir(), p)
	defer j.Close()
	got, err := p.Estimate(t.Context(), j)
	require.NoError(t, err)
	want := time.Duration(p.Runs()) * takes / time.Duration(runtime.GOMAXPROCS(0))
	require.Greater(t, got, want*9/10)
	require.Less(t, got, 3*want)
	require.Positive(t, j.Done(), "what was timed is a result")
}

// TestTheEstimateHasTheWorldOfASeedOnce plays cells of which the first of a seed takes longer.
func TestTheEstimateHasTheWorldOfASeedOnce(t *testing.T) {
	const world, seeds = 50 * time.Millisecond, 1000
	var known sync.Map
	p, err := Choice{Seeds: seeds, N: []int{4}, Lies: []string{experiment.Honest}}.Plan([]experiment.Section{{
		Name: "s", Cells: experiment.Sections()[0].Cells,
		Play: func(_ experiment.Cell, seed uint64) ([]experiment.Outcome, error) {
			if _, seen := known.LoadOrStore(seed, true); !seen {
				for start := time.Now(); time.Since(start) < world; {
				}
			}
			return []experiment.Outcome{{Way: "w"}}, nil
		},
	}}, "test")
	require.NoError(t, err)
	j := open(t, t.TempDir(), p)
	defer j.Close()
	got, err := p.Estimate(t.Context(), j)
	require.NoError(t, err)
	want := seeds * world / time.Duration(runtime.GOMAXPROCS(0))
	require.Greater(t, got, want*9/10)
	require.Less(t, got, 3*want, "not once for each of the four cells")
}

func TestLongRunsAreTimedWithFewerEpochs(t *testing.T) {
	for _, epochs := range []int{longEpochs + 1, MaxEpochs} {
		var most int
		p, err := Choice{Seeds: 1, Epochs: epochs}.Plan([]experiment.Section{{
			Name: "s", Cells: experiment.Sections()[0].Cells,
			Play: func(c experiment.Cell, _ uint64) ([]experiment.Outcome, error) {
				most = max(most, c.Epochs)
				return []experiment.Outcome{{Way: "w"}}, nil
			},
		}}, "test")
		require.NoError(t, err)
		j := open(t, t.TempDir(), p)
		_, err = p.Estimate(t.Context(), j)
		require.NoError(t, err)
		require.Equal(t, longEpochs, most)
		require.Zero(t, j.Done(), "they are not results of whole runs")
		require.NoError(t, j.Close())
	}
}

func TestProgressIsALineForEachTenth(t *testing.T) {
	var text strings.Builder
	p := planOf(t, small())
	shown := NewProgress(&text, false, p)
	for done := range p.Runs() + 1 {
		shown.Show(done)
	}
	shown.Close()
	require.Equal(t, 10, strings.Count(text.String(), "\n"))
	require.True(t, strings.HasSuffix(text.String(), fmt.Sprintf("%d of %d runs\n", p.Runs(), p.Runs())))
	NewProgress(io.Discard, true, p).Close()
}
