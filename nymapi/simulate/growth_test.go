package simulate

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/nymapi/plots"
)

// The figure of growth and its data, which docs/FIGURES.md describes.
const (
	growthFigure    = "../../docs/growth.svg"
	growthSimulated = "../../docs/growth-simulated.csv"
	growthMeasured  = "../../docs/growth-measured.csv"
)

var (
	updateGrowth  = flag.Bool("growth", false, "simulate all groups, and write docs/growth-simulated.csv and docs/growth.svg")
	measuredRound = flag.String("measured", "", "output of BenchmarkRound, from which to write docs/growth-measured.csv and docs/growth.svg")
)

// growthSizes are the sizes of the simulated groups. Up to allCreate of them, all members make a
// block; of more, a few do, and the others would cost as much.
var growthSizes = []int{4, 7, 10, 16, 25, 40, 64, 100, 160, 250, 400, 640, 1000}

const (
	allCreate   = 100
	fewCreators = 4
	growthBytes = 3000 // of a report
)

// grownRow is one group's traffic: what a member sends in a round in which each makes a block.
type grownRow struct {
	members       int
	frames, bytes float64
}

// simulateRound returns the traffic of a simulated group.
func simulateRound(t *testing.T, n int) grownRow {
	round := simulation.Round{Members: n, Report: growthBytes, Link: 50_000}
	if n > allCreate {
		round.Creators = fewCreators
	}
	spent, err := round.Run()
	require.NoError(t, err)
	return grownRow{n, spent.MemberFrames, spent.MemberBytes}
}

func (r grownRow) cells() []string {
	return []string{strconv.Itoa(r.members), fmt.Sprintf("%.1f", r.frames), fmt.Sprintf("%.0f", r.bytes)}
}

func writeRows(t *testing.T, path string, rows []grownRow) {
	var out bytes.Buffer
	table := csv.NewWriter(&out)
	require.NoError(t, table.Write([]string{"members", "frames", "bytes"}))
	for _, row := range rows {
		require.NoError(t, table.Write(row.cells()))
	}
	table.Flush()
	require.NoError(t, table.Error())
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o644))
}

func readRows(t *testing.T, path string) (rows []grownRow) {
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	all, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	for _, cells := range all[1:] {
		var row grownRow
		row.members, err = strconv.Atoi(cells[0])
		require.NoError(t, err)
		row.frames, err = strconv.ParseFloat(cells[1], 64)
		require.NoError(t, err)
		row.bytes, err = strconv.ParseFloat(cells[2], 64)
		require.NoError(t, err)
		rows = append(rows, row)
	}
	return rows
}

var (
	roundLine   = regexp.MustCompile(`(?m)^BenchmarkRound/n=(\d+)(?:-\d+)?\s.*$`)
	roundFrames = regexp.MustCompile(`([0-9.]+) frames/node`)
	roundBytes  = regexp.MustCompile(`([0-9.]+) KiB/node`)
)

// parseRounds returns the medians of the runs of BenchmarkRound in the output of go test.
func parseRounds(t *testing.T, output []byte) (rows []grownRow) {
	frames, kib := map[int][]float64{}, map[int][]float64{}
	number := func(text []byte) float64 {
		value, err := strconv.ParseFloat(string(text), 64)
		require.NoError(t, err)
		return value
	}
	for _, line := range roundLine.FindAllSubmatch(output, -1) {
		n := int(number(line[1]))
		frames[n] = append(frames[n], number(roundFrames.FindSubmatch(line[0])[1]))
		kib[n] = append(kib[n], number(roundBytes.FindSubmatch(line[0])[1]))
	}
	median := func(values []float64) float64 {
		slices.Sort(values)
		return values[len(values)/2]
	}
	for n := range frames {
		rows = append(rows, grownRow{n, median(frames[n]), 1024 * median(kib[n])})
	}
	slices.SortFunc(rows, func(a, b grownRow) int { return a.members - b.members })
	return rows
}

// growthChart returns the figure of the measured and simulated traffic.
func growthChart(simulated, measured []grownRow) plots.Chart {
	chart := plots.Chart{
		Title: "What a member sends in a round of blocks with all reports of 3 kB", X: "members", Y: "sent per member and round",
		LogX: true, LogY: true, XTicks: groupTicks,
	}
	add := func(name string, rows []grownRow, style plots.Style, colour int, value func(grownRow) float64) {
		line := plots.Line{Name: name, Style: style, Colour: colour}
		for _, row := range rows {
			line.X, line.Y = append(line.X, float64(row.members)), append(line.Y, value(row))
		}
		chart.Lines = append(chart.Lines, line)
	}
	frames, kib := func(r grownRow) float64 { return r.frames }, func(r grownRow) float64 { return r.bytes / 1024 }
	add("KiB, simulated", simulated, plots.Solid, 0, kib)
	add("KiB, measured", measured, plots.Dots, 0, kib)
	add("frames, simulated", simulated, plots.Solid, 1, frames)
	add("frames, measured", measured, plots.Dots, 1, frames)
	add("3(n-1) frames of the blocks alone", simulated, plots.Dashed, 6, func(r grownRow) float64 { return float64(3 * (r.members - 1)) })
	return chart
}

// The committed figure shows the committed data, and the simulated data are those of the protocol
// as it is.
func TestTheFigureOfGrowthIsUpToDate(t *testing.T) {
	if *updateGrowth {
		var rows []grownRow
		for _, n := range growthSizes {
			rows = append(rows, simulateRound(t, n))
			t.Log(rows[len(rows)-1].cells())
		}
		writeRows(t, growthSimulated, rows)
	}
	if *measuredRound != "" {
		output, err := os.ReadFile(*measuredRound)
		require.NoError(t, err)
		writeRows(t, growthMeasured, parseRounds(t, output))
	}
	simulated := readRows(t, growthSimulated)
	for i, n := range growthSizes {
		if n > 40 && (testing.Short() || n > allCreate) {
			break
		}
		require.Equal(t, simulateRound(t, n).cells(), simulated[i].cells(), "repeat with -growth, see docs/FIGURES.md")
	}
	var svg bytes.Buffer
	require.NoError(t, growthChart(simulated, readRows(t, growthMeasured)).WriteSVG(&svg))
	if *updateGrowth || *measuredRound != "" {
		require.NoError(t, os.WriteFile(growthFigure, svg.Bytes(), 0o644))
	}
	committed, err := os.ReadFile(growthFigure)
	require.NoError(t, err)
	require.Equal(t, string(committed), svg.String(), "repeat with -growth, see docs/FIGURES.md")
}

func TestRoundsAreReadFromTheOutputOfTheBenchmark(t *testing.T) {
	const output = `goos: linux
BenchmarkRound/n=10-2   10 246420396 ns/op 48.00 KiB/node 89.89 checks/node 36.50 frames/node
BenchmarkRound/n=4-2    10  45973834 ns/op 13.00 KiB/node 17.95 checks/node 14.00 frames/node
BenchmarkRound/n=4-2    10  45973834 ns/op 12.00 KiB/node 17.95 checks/node 12.00 frames/node
BenchmarkRound/n=4-2    10  45973834 ns/op 15.00 KiB/node 17.95 checks/node 13.00 frames/node
BenchmarkRound/n=4,uncounted-2    10  45973834 ns/op 1.00 KiB/node 17.95 checks/node 1.00 frames/node
`
	require.Equal(t, []grownRow{{4, 13, 13 * 1024}, {10, 36.5, 48 * 1024}}, parseRounds(t, []byte(output)))
}
