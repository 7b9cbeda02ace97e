package shadow_test

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
	"github.com/ephemera-go/nym-rewarding/nymapi/results"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/rows"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/shadowtest"
)

// day is a day of liveness.
func day(submitters int, change func(submitter int, r *shadowtest.Result) bool) shadowtest.World {
	return shadowtest.World{Nodes: 30, Submitters: submitters, Every: 15 * time.Minute, Length: 24 * time.Hour, Change: change}
}

// config returns the configuration for a file, a month after the measurements.
func config(path string) shadow.Config {
	c := shadow.Default()
	c.Database, c.Now, c.Version = path, shadowtest.Start.Add(30*24*time.Hour), "test"
	return c
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "db.sqlite") }

// run makes a database of liveness and runs over it.
func run(t *testing.T, results []shadowtest.Result, change ...func(*shadow.Config)) *shadow.Outcome {
	t.Helper()
	path := newPath(t)
	shadowtest.Create(t, path, shadowtest.Schema(), shadowtest.Insert(t, shadowtest.Liveness, results...))
	return runFile(t, path, change...)
}

// runFile runs over a file, and checks what holds for all outputs.
func runFile(t *testing.T, path string, change ...func(*shadow.Config)) *shadow.Outcome {
	t.Helper()
	c := config(path)
	for _, set := range change {
		set(&c)
	}
	o, err := shadow.Run(t.Context(), c)
	require.NoError(t, err)
	text := output(t, o.Summary.WriteText)
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), paragraph.Width, line)
	}
	page := output(t, o.Summary.WriteReport)
	for _, external := range []string{"http:", "https:", "src=", "@import", "url("} {
		require.NotContains(t, page, external)
	}
	return o
}

func output(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b))
	return b.String()
}

// submitter returns the line of a submitter of a world.
func submitter(t *testing.T, s shadow.Summary, number int) shadow.SubmitterSummary {
	t.Helper()
	for _, line := range s.Submitters {
		if line.Name == shadowtest.Submitters[number] {
			return line
		}
	}
	require.Fail(t, "no such submitter")
	return shadow.SubmitterSummary{}
}

func rule(t *testing.T, s shadow.Summary, name string) shadow.Price {
	t.Helper()
	for _, p := range s.Rules {
		if p.Rule == name {
			return p
		}
	}
	require.Fail(t, "no such rule")
	return shadow.Price{}
}

func standOuts(s shadow.Summary) (submitters []string, nodes int) {
	for _, line := range s.Submitters {
		if line.StandOut {
			submitters = append(submitters, line.Name)
		}
	}
	for _, n := range s.PerNode {
		if n.StandOut {
			nodes++
		}
	}
	return submitters, nodes
}

func TestHonestSubmittersDifferByChanceOnly(t *testing.T) {
	s := run(t, day(7, nil).Results()).Summary
	require.Equal(t, []int{24, 0, 30, 2, 5}, []int{s.Epochs, s.Empty, s.Nodes, s.F, s.Coverage})
	require.Equal(t, shadowtest.Start.Add(24*time.Hour-15*time.Minute+time.Second), s.End, "a second after the last tick; its other nodes are later by milliseconds")
	require.Equal(t, 7*30*96, s.Rows.Used)
	submitters, nodes := standOuts(s)
	require.Empty(t, submitters)
	require.Zero(t, nodes)
	require.Zero(t, rule(t, s, "mean").Points.Value, "all have as many rows, so the mean of reports is that of rows")
	require.Less(t, rule(t, s, "median").Points.Value, 2.0)
	require.Empty(t, s.OnePlace)
	require.Empty(t, s.Outages)
	require.Empty(t, s.Gaps)
}

func TestAWrongSubmitterStandsOutAndCostsTheSingleMean(t *testing.T) {
	s := run(t, day(4, func(submitter int, r *shadowtest.Result) bool {
		if submitter == 1 {
			r.Result = r.Result.(float64) / 2
		}
		return true
	}).Results()).Summary
	submitters, nodes := standOuts(s)
	require.Equal(t, []string{shadowtest.Submitters[1]}, submitters)
	require.Equal(t, 30, nodes)
	for _, n := range s.PerNode {
		require.Equal(t, shadowtest.Submitters[1], n.FarthestName)
	}
	require.InDelta(t, -48, submitter(t, s, 1).Bias.Value, 2)
	median := rule(t, s, "median")
	require.InDelta(t, -12, median.Bias.Value, 3, "one of four is 48 points low")
	require.InDelta(t, 12, median.Points.Value, 3)
	require.Negative(t, median.Bias.High)
	// All 30 nodes are drawn, each for 12 points less.
	require.InDelta(t, 30*worth.Pay(0.12), median.NYM.Value, 20)
	require.Zero(t, median.Places.Value)
	require.InDelta(t, -36, submitter(t, s, 1).Decides.Bias.Value*-1, 3, "the single mean pays 36 points more than the wrong one alone")
	text := unwrapped(output(t, s.WriteText))
	require.Contains(t, text, "5VhB…bHtP stands out: it is ")
	require.Contains(t, text, "Of 30 nodes, 30 stand out: 30 because of 5VhB…bHtP.")
}

// One node of 30 is measured by one submitter only. All measure 100 %.
func TestANodeWithoutAScoreLosesAllItGets(t *testing.T) {
	s := run(t, day(4, func(submitter int, r *shadowtest.Result) bool {
		r.Result = 1.0
		return submitter == 0 || r.Node != int64(9)
	}).Results()).Summary
	median, performance := rule(t, s, "median"), rule(t, s, "performance")
	require.Equal(t, 24, median.Unpaid)
	require.InDelta(t, 29.0/30, median.Scored, 1e-9)
	require.InDelta(t, worth.Pay(1), median.NYM.Value, 1e-9)
	require.InDelta(t, 0.5, median.Places.Value, 1e-9, "one node of chance 1 is not drawn")
	require.Zero(t, median.Points.Value)
	require.Zero(t, performance.Unpaid+int(performance.NYM.Value))
	require.Equal(t, 24, s.PerNode[len(s.PerNode)-1].Alone)
	require.Contains(t, unwrapped(output(t, s.WriteText)), "One submitter alone judged a node in 24 of 720 cells, always for 1 node: 9.")
}

// The chance of a node depends on all others if there are more nodes than places.
func TestPlacesChangeHandsIfThereAreMoreNodesThanPlaces(t *testing.T) {
	w := shadowtest.World{Nodes: 300, Submitters: 4, Every: 30 * time.Minute, Length: 2 * time.Hour}
	w.Change = func(submitter int, r *shadowtest.Result) bool {
		if submitter == 0 && r.Node.(int64) <= 150 {
			r.Result = 0.0
		}
		return true
	}
	s := run(t, w.Results()).Summary
	median := rule(t, s, "median")
	// The mean takes a quarter from half of the nodes: their weight is 0.75^20 = 0.003 of what it was.
	require.InDelta(t, 24, median.Places.Value, 6, "150 nodes have about 114 places by the median, 90 by the mean")
	require.Contains(t, output(t, s.WriteText), "There are no intervals, because they need 4 epochs.")
}

// The numbers of test runs start again. New measurements are not taken for old ones.
func TestAWipedOrchestratorIsReadByItsMeasurements(t *testing.T) {
	wiped := shadowtest.Start.Add(12 * time.Hour)
	again := func(keep bool) func(int, *shadowtest.Result) bool {
		first := int64(0)
		return func(submitter int, r *shadowtest.Result) bool {
			if submitter != 1 {
				return true
			}
			if r.Time.(time.Time).Before(wiped) {
				return keep
			}
			if first == 0 {
				first = r.Run
			}
			r.Run -= first - 1
			return true
		}
	}
	untouched := run(t, day(2, nil).Results()).Summary
	kept := run(t, day(2, again(true)).Results()).Summary
	kept.Database = untouched.Database
	require.Equal(t, untouched, kept)

	gone := run(t, day(2, again(false)).Results()).Summary
	require.Equal(t, 30*96+30*48, gone.Rows.Used)
	require.Zero(t, gone.Rows.Duplicate)
	line := submitter(t, gone, 1)
	require.Equal(t, []int{30 * 24, 30 * 12, 30 * 12, 0}, []int{line.Cells, line.Missing, line.Absent, line.Unreached})
	require.Equal(t, []shadow.Gap{{Submitter: line.Name, Start: gone.Start, Epochs: 12}}, gone.Gaps)
	require.Equal(t, 12, gone.PerNode[0].Alone)
	require.Equal(t, 12, submitter(t, gone, 0).Distance.Epochs)
	text := unwrapped(output(t, gone.WriteText))
	require.Contains(t, text, "One submitter alone judged a node in 360 of 720 cells, for no node always.")
	require.Equal(t, 12, gone.Missed)
	require.Contains(t, text, "In 12 epochs fewer than n-f = 2 submitters measured anything: the group would have missed them")
}

func TestClocksThatAreApartStandOutOnlyByTheirRowsAfterTheWindow(t *testing.T) {
	shift := func(by time.Duration) func(int, *shadowtest.Result) bool {
		return func(submitter int, r *shadowtest.Result) bool {
			if submitter == 0 {
				r.Time = r.Time.(time.Time).Add(by)
			}
			return true
		}
	}
	for _, by := range []time.Duration{-7 * time.Minute, 7 * time.Minute} {
		s := run(t, day(4, shift(by)).Results()).Summary
		submitters, nodes := standOuts(s)
		require.Empty(t, submitters)
		require.Zero(t, nodes)
		require.LessOrEqual(t, submitter(t, s, 0).Missing, 30, "at most one epoch at the edge")
	}
	s := run(t, day(4, shift(365*24*time.Hour)).Results()).Summary
	require.Equal(t, 30*96, s.Rows.After, "a year ahead: not what the window ends with")
	require.Equal(t, 3*30*96, s.Rows.Used)
	require.Equal(t, []int{0, 30 * 96}, []int{submitter(t, s, 0).Rows, submitter(t, s, 0).After})
	require.Zero(t, s.F, "three reported")
	require.Contains(t, unwrapped(output(t, s.WriteText)), "2sF7…VtSx dated 2880 rows in the future: its clock may be wrong.")
}

func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestANodeUnreachableFromOnePlaceIsNamed(t *testing.T) {
	world := day(4, func(submitter int, r *shadowtest.Result) bool {
		if submitter == 2 && r.Node == int64(9) {
			r.Result, r.Reachable = 0.0, 0
		}
		return true
	})
	world.Nodes = 120 // so that one node moves the mean distance of the submitter by less than a point
	s := run(t, world.Results()).Summary
	require.Equal(t, []shadow.OnePlace{{Node: "9", Submitter: shadowtest.Submitters[2], Rows: 96, Unreachable: 1}}, s.OnePlace)
	submitters, nodes := standOuts(s)
	require.Empty(t, submitters)
	require.Equal(t, 1, nodes)
	require.Equal(t, "9", s.PerNode[0].Name)
	require.Equal(t, shadowtest.Submitters[2], s.PerNode[0].FarthestName)
	require.Equal(t, 24, submitter(t, s, 2).Unreached)
	require.Contains(t, unwrapped(output(t, s.WriteText)), "although the others reach it: 9 from 8mQd…CtBq (100 % of its 96 rows, 0 % of the others').")
}

// Duplicates in another form of the same time, rows outside the window and rows without a value.
func TestRowsThatDoNotCountAreCounted(t *testing.T) {
	const free = `CREATE TABLE nym_node_liveness_result (testrun_id, submitter_pubkey, node_id, result, was_reachable, test_timestamp)`
	world := day(4, nil)
	whole := world.Results()
	good := whole[len(whole)-1]
	at := good.Time.(time.Time)
	with := func(change func(*shadowtest.Result)) shadowtest.Result {
		r := good
		change(&r)
		return r
	}
	extra := []shadowtest.Result{
		good, with(func(r *shadowtest.Result) { r.Time, r.Run = at.Format("2006-01-02 15:04:05.999999999+00:00"), 99 }),
		with(func(r *shadowtest.Result) { r.Time = at.Add(-48 * time.Hour) }), with(func(r *shadowtest.Result) { r.Time = at.Add(48 * time.Hour) }),
		with(func(r *shadowtest.Result) { r.Result = nil }), with(func(r *shadowtest.Result) { r.Result = 1.5 }), with(func(r *shadowtest.Result) { r.Reachable = nil }),
	}
	path := newPath(t)
	shadowtest.Create(t, path, free, shadowtest.Insert(t, shadowtest.Liveness, append(whole, extra...)...))
	until := func(c *shadow.Config) { c.Until = shadowtest.Start.Add(24 * time.Hour) }
	s := runFile(t, path, until).Summary
	require.Equal(t, []int{len(whole) + 7, len(whole), 2, 1, 1}, []int{s.Rows.Read, s.Rows.Used, s.Rows.Duplicate, s.Rows.Before, s.Rows.After})
	require.Len(t, s.Rows.Unusable, 3)
	clean := run(t, whole, until).Summary
	require.Equal(t, clean.PerNode, s.PerNode)
	require.Equal(t, clean.Rules, s.Rules)
}

func TestFewSubmittersTolerateNone(t *testing.T) {
	for n, want := range map[int]string{
		1: "One submitter measured everything, so its word is final",
		2: "2 submitters take the part of Nym-APIs. f = floor((n-1)/3) is 0: no rule is certain to withstand a wrong submitter, and one report is enough for a score. The median of two is their mean",
		3: "The median of three ignores one wrong report, but only about nodes for which there are three. It takes four submitters to withstand one. Their disagreement is shown nevertheless.",
		4: "4 submitters take the part of Nym-APIs. Up to f = 1 of them may be wrong: where a node has at least 2f+1 = 3 reports",
	} {
		s := run(t, day(n, nil).Results()).Summary
		require.Equal(t, (n-1)/3, s.F)
		require.Contains(t, unwrapped(output(t, s.WriteText)), want)
		require.Equal(t, n > 1, s.Submitters[0].Distance != nil)
	}
}

func TestStressHasLongerEpochs(t *testing.T) {
	path := newPath(t)
	w := shadowtest.World{Nodes: 10, Submitters: 4, Every: 2 * time.Hour, Length: 24 * time.Hour}
	shadowtest.Create(t, path, shadowtest.Schema(), shadowtest.Insert(t, shadowtest.Stress, w.Results()...))
	s := runFile(t, path).Summary
	require.Equal(t, rows.Stress, s.Kind)
	require.Equal(t, []any{6, "4h0m0s"}, []any{s.Epochs, s.Epoch})
	require.Zero(t, s.Submitters[0].Missing)
	s = runFile(t, path, func(c *shadow.Config) { c.Epoch = time.Hour }).Summary
	require.Equal(t, 11, s.Empty, "measured every second hour")
}

// Epochs before the oldest row are left out, so that a young database has no gaps.
func TestAWindowBeginsWithTheOldestRow(t *testing.T) {
	s := run(t, day(4, nil).Results(), func(c *shadow.Config) { c.Window = 48 * time.Hour }).Summary
	require.Equal(t, 24, s.Epochs)
	require.Empty(t, s.Gaps)
	s = run(t, day(4, nil).Results(), func(c *shadow.Config) { c.Until = shadowtest.Start.Add(90 * time.Minute) }).Summary
	require.Equal(t, 2, s.Epochs)
	require.Equal(t, 4*30*6, s.Rows.Used)
	require.Equal(t, 4*30*90, s.Rows.After)
	require.NotContains(t, output(t, s.WriteText), "clock", "the end was chosen")
}

// One monitor: what is shown is gaps, zeros at once, and what the rule costs that missing is 0.
func TestMonitorV1IsASingleNymAPI(t *testing.T) {
	path := newPath(t)
	shadowtest.Create(t, path, shadowtest.Schema(), func(tx *sql.Tx) {
		for node := range 20 {
			_, err := tx.Exec(`INSERT INTO mixnode_details VALUES (?1, ?1, 'mix' || ?1)`, node+1)
			require.NoError(t, err)
			for tick := range 48 {
				value := 100
				switch {
				case node == 7 && tick%2 == 1, tick >= 20 && tick < 24: // not measured; no run at all
					continue
				case tick == 30:
					value = 0
				}
				_, err := tx.Exec(`INSERT INTO mixnode_status VALUES (?, ?, ?)`, node+1, value, shadowtest.Start.Unix()+int64(tick)*900)
				require.NoError(t, err)
			}
		}
		_, err := tx.Exec(`INSERT INTO gateway_details VALUES (1, 99, 'mix1'); INSERT INTO gateway_status SELECT 1, 100, timestamp FROM mixnode_status WHERE mixnode_details_id = 2`)
		require.NoError(t, err)
	})
	o := runFile(t, path)
	s := o.Summary
	require.Equal(t, rows.V1, s.Kind)
	require.Equal(t, []int{12, 1, 21, 0, 1}, []int{s.Epochs, s.Empty, s.Nodes, s.F, s.Coverage})
	require.Equal(t, []shadow.Gap{{Submitter: rows.Monitor, Start: s.Start.Add(5 * time.Hour), Epochs: 1}}, s.Gaps)
	require.Len(t, s.Outages, 1)
	require.Equal(t, []int{20, 21}, []int{s.Outages[0].Zeros, s.Outages[0].Rows}, "a gateway is at 100")
	require.Equal(t, "mix8", s.PerNode[0].Name, "the node whose score changes most is first")
	for _, n := range s.PerNode {
		want := 0.0
		if n.Name == "mix8" {
			want = -49 // half of its rows are missing, of which one fell into the run of zeros
		}
		require.InDelta(t, want, n.Points.Value, 1.6, n.Node)
	}
	text := unwrapped(output(t, s.WriteText))
	require.Contains(t, text, "Monitor v1 is a single monitor, so it takes the part of a single Nym-API")
	require.Contains(t, text, "Almost all nodes at zero at once, which says more about the submitter than about the nodes: moni…r-v1 at 2026-09-01 07:")
}

func TestOutputsHaveTheSameFigures(t *testing.T) {
	measured := day(4, func(submitter int, r *shadowtest.Result) bool {
		return !(submitter > 1 && r.Node == int64(3)) // judged by two
	}).Results()
	path := newPath(t)
	shadowtest.Create(t, path, shadowtest.Schema(), shadowtest.Insert(t, shadowtest.Liveness, measured...))
	o := runFile(t, path, func(c *shadow.Config) { c.Estimator = "trimmed(2)" })
	again := runFile(t, path, func(c *shadow.Config) { c.Estimator = "trimmed(2)" })
	text, csvText := output(t, o.Summary.WriteJSON), output(t, o.WriteCSV)
	require.Equal(t, text, output(t, again.Summary.WriteJSON), "the same each time")
	require.Equal(t, csvText, output(t, again.WriteCSV))

	lines, err := csv.NewReader(strings.NewReader(csvText)).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 1+24*30)
	require.Equal(t, strings.Split("epoch,role,node,rows,unreachable,submitters,single,mean,median,lowmedian,trimmed,mad,wmedian,trimmed(2),performance", ","), lines[0][:15])
	require.Len(t, lines[0], 15+4)
	unpaid := 0
	for _, line := range lines[1:] {
		if line[2] == "3" {
			require.Equal(t, []string{"8", "2", ""}, []string{line[3], line[5], line[8]}, "two of three reports")
			require.NotEmpty(t, line[6])
			require.NotEmpty(t, line[14])
			unpaid++
		}
	}
	require.Equal(t, unpaid, rule(t, o.Summary, "trimmed(2)").Unpaid)

	var decoded struct {
		Kind    string `json:"kind"`
		PerNode []struct {
			Name       string `json:"name"`
			Difference *struct {
				Value, Low, High float64
			} `json:"difference"`
			Alone int `json:"alone"`
		} `json:"per_node"`
		Rows struct{ Read, Used int } `json:"rows"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &decoded))
	require.Equal(t, "liveness", decoded.Kind)
	require.Len(t, decoded.PerNode, 30)
	require.Positive(t, decoded.PerNode[0].Difference.Value)
	require.Equal(t, len(measured), decoded.Rows.Used)

	t.Chdir(t.TempDir())
	f, err := results.New(shadow.Dir, "", shadowtest.Start)
	require.NoError(t, err)
	require.NoError(t, o.Write(f))
	require.NoError(t, f.Finish())
	for name, want := range map[string]string{"summary.json": text, "scores.csv": csvText} {
		written, err := os.ReadFile(filepath.Join("results", "shadow", "latest", name))
		require.NoError(t, err)
		require.Equal(t, want, string(written))
	}
	require.FileExists(t, "results/shadow/latest/index.html")
}

func TestWrongConfigurationsAreNamed(t *testing.T) {
	path := newPath(t)
	shadowtest.Create(t, path, shadowtest.Schema(), shadowtest.Insert(t, shadowtest.Liveness, day(2, nil).Results()...))
	for want, change := range map[string]func(*shadow.Config){
		"--db: expected the database of a Nym-API":                                                  func(c *shadow.Config) { c.Database = "" },
		"--kind livenes: expected liveness, stress, v1, did you mean liveness?":                     func(c *shadow.Config) { c.Kind = "livenes" },
		"--kind x: expected liveness, stress, v1 (without it":                                       func(c *shadow.Config) { c.Kind = "x" },
		"--window 0s: expected 1m to 8784h0m0s":                                                     func(c *shadow.Config) { c.Window = 0 },
		"--epoch 25h0m0s: expected 1m up to the window of 24h0m0s":                                  func(c *shadow.Config) { c.Epoch = 25 * time.Hour },
		"--epoch 1s: expected 1m up":                                                                func(c *shadow.Config) { c.Epoch = time.Second },
		"--window 24h0m0s: expected a multiple of the epoch of 7h0m0s; give --window 21h0m0s":       func(c *shadow.Config) { c.Epoch = 7 * time.Hour },
		"--window 8784h0m0s: expected at most 5000 epochs of 1m0s; give longer epochs or a shorter": func(c *shadow.Config) { c.Window, c.Epoch = 366*24*time.Hour, time.Minute },
		`--estimator: unknown estimator "best": expected mean, median, lowmedian, trimmed, mad`:     func(c *shadow.Config) { c.Estimator = "best" },
	} {
		c := config(path)
		change(&c)
		_, err := shadow.Run(t.Context(), c)
		require.ErrorIs(t, err, shadow.ErrConfig, want)
		require.ErrorContains(t, err, want)
	}
}

func TestAnEmptyWindowSaysWhereTheRowsAre(t *testing.T) {
	path := newPath(t)
	shadowtest.Create(t, path, shadowtest.Schema(), shadowtest.Insert(t, shadowtest.Liveness, day(2, nil).Results()...))
	for want, change := range map[string]func(*shadow.Config){
		"before 2026-09-10 00:00:00 is of 2026-09-01 23:45:00, more than 24h0m0s earlier (give a longer --window, or another --until)": func(c *shadow.Config) {
			c.Until = shadowtest.Start.Add(9 * 24 * time.Hour)
		},
		"are at or after 2026-09-01T00:00:00Z (give a later --until)": func(c *shadow.Config) { c.Until = shadowtest.Start },
		"nym_node_stress_testing_result has no row with a time":       func(c *shadow.Config) { c.Kind = "stress" },
	} {
		c := config(path)
		change(&c)
		_, err := shadow.Run(t.Context(), c)
		require.ErrorIs(t, err, rows.ErrEmpty, want)
		require.ErrorContains(t, err, want)
	}
	percents := newPath(t)
	shadowtest.Create(t, percents, shadowtest.Schema(), shadowtest.Insert(t, shadowtest.Liveness, day(2, func(_ int, r *shadowtest.Result) bool {
		r.Result = 98
		return true
	}).Results()...))
	_, err := shadow.Run(t.Context(), config(percents))
	require.ErrorIs(t, err, rows.ErrEmpty)
	require.ErrorContains(t, err, "of 5760 rows, 5760 are left out because result is outside 0 to 1, such as 98")
}
