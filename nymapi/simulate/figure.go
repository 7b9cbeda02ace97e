package simulate

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/nymapi/plots"
	"github.com/ephemera-go/nym-rewarding/nymapi/simulate/cost"
)

// Figure is a chart with its file name.
type Figure struct {
	Name  string
	Chart plots.Chart
}

// Growth is one simulated epoch of a group without adversaries.
type Growth struct {
	Nodes   int
	Summary Summary
}

// grown are the sizes of the groups that Grow simulates. For larger groups there are formulas.
var grown = []int{4, 7, 10, 16, 25, 40, MostGrown}

// MostGrown is the largest group that Grow simulates.
const MostGrown = 64

// Grow simulates one epoch of larger and larger honest groups of at most most members, with the
// mixnodes, delays and seed of c. It ends early when stop returns true.
func Grow(c Config, most int, stop func() bool) ([]Growth, error) {
	var all []Growth
	c.Epochs, c.Adversaries, c.Exchange = 1, nil, 0
	for _, n := range grown {
		if n > most {
			break
		}
		c.Nodes = n
		day, err := Run(c, nil, stop)
		if err != nil {
			return nil, err
		}
		if day.Stopped || day.Result.Stats.Blocks == 0 {
			break
		}
		all = append(all, Growth{Nodes: n, Summary: day.Summary()})
	}
	return all, nil
}

// Figures returns the figures of a day: the distribution of delays, and the growth of bytes,
// messages and time with the group.
func (d Day) Figures(grown []Growth) []Figure {
	figures := []Figure{{Name: "delays.svg", Chart: plots.Chart{
		Title: "How long blocks take", X: "milliseconds since the proposal", Y: "share of the blocks and members",
		Lines: []plots.Line{
			distribution("certificate at the creator", d.certified, 0),
			distribution("delivery at a member", d.delivered, 1),
		},
	}}}
	sent := growth("Bytes against members", "bytes sent per member and epoch", d.Report, func(c cost.Scheme) float64 { return float64(c.BytesPerNodeEpoch) })
	messages := growth("Messages against members", "messages per block", d.Report, func(c cost.Scheme) float64 { return c.MessagesPerBlock })
	time := plots.Chart{Title: "Time against members", X: "members", Y: "milliseconds, simulated", LogX: true, XTicks: groupTicks}
	var x, bytes, frames, median, last []float64
	for _, g := range grown {
		x = append(x, float64(g.Nodes))
		bytes, frames = append(bytes, float64(g.Summary.Costs[0].BytesPerNodeEpoch)), append(frames, g.Summary.Costs[0].MessagesPerBlock)
		median, last = append(median, *g.Summary.DelivMS.P50), append(last, *g.Summary.DelivMS.P99)
	}
	simulated := func(name string, y []float64, colour int) plots.Line {
		return plots.Line{Name: name, X: x, Y: y, Style: plots.Dotted, Colour: colour}
	}
	sent.Lines = append(sent.Lines, simulated(cost.Certified+", simulated", bytes, 6))
	messages.Lines = append(messages.Lines, simulated(cost.Certified+", simulated", frames, 6))
	time.Lines = []plots.Line{simulated("delivery, median", median, 0), simulated("delivery, 99 of 100", last, 1)}
	if len(grown) == 0 {
		return figures
	}
	return append(figures, Figure{"growth-bytes.svg", sent}, Figure{"growth-messages.svg", messages}, Figure{"growth-time.svg", time})
}

// groupTicks are the labelled group sizes on axes.
var groupTicks = []float64{4, 10, 30, 100, 300, 1000}

// computedSizes are the group sizes for which costs are computed.
var computedSizes = []int{4, 7, 10, 16, 25, 40, 64, 100, 160, 250, 400, 640, 1000}

// growth returns a chart of one property of every computed scheme against the size of the group.
func growth(title, axis string, report int, of func(cost.Scheme) float64) plots.Chart {
	chart := plots.Chart{Title: title, X: "members", Y: axis, LogX: true, LogY: true, XTicks: groupTicks}
	for _, n := range computedSizes {
		for i, c := range cost.Schemes(n, report) {
			if len(chart.Lines) <= i {
				chart.Lines = append(chart.Lines, plots.Line{Name: c.Name + ", computed", Style: plots.Dashed, Colour: i})
			}
			chart.Lines[i].X, chart.Lines[i].Y = append(chart.Lines[i].X, float64(n)), append(chart.Lines[i].Y, of(c))
		}
	}
	return chart
}

// distribution returns the cumulative distribution of values, at every percent. Values are in
// microseconds.
func distribution(name string, values []int64, colour int) plots.Line {
	slices.Sort(values)
	line := plots.Line{Name: name, Colour: colour}
	for percent := 0; percent <= 100 && len(values) > 0; percent++ {
		rank := max((percent*len(values)+99)/100, 1)
		line.X, line.Y = append(line.X, float64(values[rank-1])/1000), append(line.Y, float64(percent)/100)
	}
	return line
}
