package shadow

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/spread"
)

// Sizes of the charts in units of their own.
const (
	chartWidth = 720
	chartLeft  = 100
	chartRight = 12
	rowHeight  = 22
	plotHeight = 180
	axisHeight = 40
)

// scale maps points to a length, from 0 to at least the largest value.
type scale struct{ most, step, length float64 }

func newScale(largest, length float64) scale {
	step := math.Pow(10, math.Floor(math.Log10(max(largest, 0.1))))
	for largest/step < 3 {
		step /= 2
	}
	return scale{math.Ceil(largest/step) * step, step, length}
}

func (s scale) at(points float64) float64 { return points / s.most * s.length }

func (s scale) ticks() []float64 {
	var ticks []float64
	for i := 0.0; i*s.step <= s.most*(1+1e-9); i++ {
		ticks = append(ticks, i*s.step)
	}
	return ticks
}

// submitterChart draws the distance of each submitter with its interval. It is empty if no
// submitter was compared. The table next to it has the same figures.
func submitterChart(lines []SubmitterSummary) template.HTML {
	var compared []SubmitterSummary
	largest := 0.0
	for _, line := range lines {
		if line.Distance != nil {
			compared = append(compared, line)
			largest = max(largest, line.Distance.High)
		}
	}
	if len(compared) == 0 || largest == 0 {
		return ""
	}
	x := newScale(largest, chartWidth-chartLeft-chartRight)
	height := len(compared) * rowHeight
	var b strings.Builder
	begin(&b, height+axisHeight, "Distance of each submitter to the others; the table below has the figures")
	for _, tick := range x.ticks() {
		at := chartLeft + x.at(tick)
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="0" y2="%d"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`, at, at, height, at, height+16, tick)
	}
	for i, line := range compared {
		y, class := float64(i*rowHeight)+rowHeight/2, "usual"
		if line.StandOut {
			class = "far"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`, chartLeft-8, y+4, template.HTMLEscapeString(short(line.Name)))
		drawEstimate(&b, class, line.Distance, y, x)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">distance to the others in points, with 95 %% interval</text></svg>`,
		(chartLeft+chartWidth-chartRight)/2, height+34)
	return template.HTML(b.String())
}

// drawEstimate draws a figure as a dot, or as a square for one that stands out, on its interval.
func drawEstimate(b *strings.Builder, class string, e *spread.Estimate, y float64, x scale) {
	at := chartLeft + x.at(e.Value)
	fmt.Fprintf(b, `<g class="%s"><title>%s %s</title><path d="M%.1f %.1fH%.1f"/>`, class, value(e), interval(e),
		chartLeft+x.at(e.Low), y, chartLeft+x.at(e.High))
	if class == "far" {
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="9" height="9"/></g>`, at-4.5, y-4.5)
	} else {
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4"/></g>`, at, y)
	}
}

// courseChart draws the typical difference between two submitters, and the difference between the
// single mean and the estimator, over the epochs. It is empty if both are always 0.
func courseChart(lines []EpochSummary, estimator string) template.HTML {
	largest := 0.0
	for _, line := range lines {
		largest = max(largest, line.Typical, line.Points)
	}
	if largest == 0 || len(lines) < 2 {
		return ""
	}
	y := newScale(largest, plotHeight-12)
	var b strings.Builder
	begin(&b, plotHeight+axisHeight, "Disagreement over time; the table below has the figures")
	for _, tick := range y.ticks() {
		at := plotHeight - y.at(tick)
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`,
			chartLeft, chartWidth-chartRight, at, at, chartLeft-8, at+4, tick)
	}
	drawCourse(&b, "usual", lines, y, func(l EpochSummary) float64 { return l.Typical })
	drawCourse(&b, "far dashed", lines, y, func(l EpochSummary) float64 { return l.Points })
	fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text><text x="%d" y="%d" text-anchor="end">%s UTC</text>`, chartLeft, plotHeight+16, clock(lines[0].Start),
		chartWidth-chartRight, plotHeight+16, clock(lines[len(lines)-1].Start))
	fmt.Fprintf(&b, `<g class="usual"><path d="M%d %dh24"/></g><text x="%d" y="%d">two submitters about the median node</text>`,
		chartLeft, plotHeight+31, chartLeft+30, plotHeight+35)
	fmt.Fprintf(&b, `<g class="far dashed"><path d="M%d %dh24"/></g><text x="%d" y="%d">single and %s, mean, in points</text></svg>`,
		chartLeft+290, plotHeight+31, chartLeft+320, plotHeight+35, template.HTMLEscapeString(estimator))
	return template.HTML(b.String())
}

// drawCourse draws a line over all epochs that have rows.
func drawCourse(b *strings.Builder, class string, lines []EpochSummary, y scale, of func(EpochSummary) float64) {
	var path strings.Builder
	pen := "M"
	for i, line := range lines {
		if line.Rows == 0 {
			pen = "M"
			continue
		}
		x := chartLeft + (chartWidth-chartLeft-chartRight)*float64(i)/float64(len(lines)-1)
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, x, plotHeight-y.at(of(line)))
		pen = "L"
	}
	fmt.Fprintf(b, `<g class="%s"><path d="%s"/></g>`, class, path.String())
}

func begin(b *strings.Builder, height int, label string) {
	fmt.Fprintf(b, `<svg class="chart" viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, height, template.HTMLEscapeString(label))
}
