// Package plots draws figures as SVG: lines and points, with intervals, on linear or logarithmic
// axes or over names. The legend is outside the plane. Series differ in colour and, where they are
// dots, also in shape. The same data yield the same bytes.
package plots

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// ErrChart reports a chart that cannot be drawn.
var ErrChart = errors.New("cannot draw chart")

// Style is how a series of points is drawn.
type Style uint8

// Styles of series.
const (
	Solid  Style = iota // a line
	Dashed              // a line of dashes
	Dotted              // a line with a dot at each point
	Dots                // dots alone
)

// Line is one series of points. X and Y have the same length.
type Line struct {
	Name   string // in the legend; none if empty
	X, Y   []float64
	Style  Style
	Colour int // number of the colour
	Shape  int // number of the shape of dots
	// Low and High are the bounds of an interval for each point, drawn as a bar through it; nil: none.
	// A point whose bounds are infinite or not numbers has no bar.
	Low, High []float64
}

// Chart is a figure. Points that are not positive on a logarithmic axis, and points below LeastY,
// are left out.
type Chart struct {
	Title      string
	X, Y       string // what the axes show, with units
	LogX, LogY bool
	XTicks     []float64            // labelled values of the horizontal axis, automatic if nil
	XNames     []string             // labels of 0, 1, 2, … on the horizontal axis, instead of XTicks
	LabelY     func(float64) string // label of a decade of a logarithmic vertical axis, %g if nil
	LeastY     float64              // 0 for no bound
	Lines      []Line
}

// Size of every figure.
const (
	width  = 9 * vg.Inch
	height = 4.5 * vg.Inch
)

// colours are seven that colour-blind people can distinguish (Okabe and Ito, 2008), and grey.
var colours = []color.RGBA{
	{R: 0, G: 114, B: 178, A: 255},
	{R: 213, G: 94, B: 0, A: 255},
	{R: 0, G: 158, B: 115, A: 255},
	{R: 204, G: 121, B: 167, A: 255},
	{R: 230, G: 159, B: 0, A: 255},
	{R: 86, G: 180, B: 233, A: 255},
	{R: 0, G: 0, B: 0, A: 255},
	{R: 130, G: 130, B: 130, A: 255},
}

// WriteSVG draws the chart. The error wraps ErrChart, or is that of the writer.
func (c Chart) WriteSVG(w io.Writer) error {
	p := c.plane()
	drawn := 0
	for _, line := range c.Lines {
		points, err := c.points(line)
		if err != nil {
			return err
		}
		if len(points.XYs) == 0 {
			continue
		}
		if err := add(p, line, points); err != nil {
			return fmt.Errorf("%w %q: line %q: %w", ErrChart, c.Title, line.Name, err)
		}
		drawn++
	}
	if drawn == 0 {
		return fmt.Errorf("%w %q: no point lies on it", ErrChart, c.Title)
	}
	if c.LogY {
		p.Y.Min, p.Y.Max = roundLog(p.Y.Min, p.Y.Max)
	}
	canvas := vgsvg.New(width, height)
	drawWithLegend(p, draw.Crop(draw.New(canvas), vg.Points(6), vg.Points(-8), vg.Points(4), vg.Points(-6)))
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("write chart %q: %w", c.Title, err)
	}
	return nil
}

// drawWithLegend draws a plot with its legend to the right of the plane, where it covers no line.
func drawWithLegend(p *plot.Plot, canvas draw.Canvas) {
	legend := p.Legend
	p.Legend = plot.NewLegend()
	column := legend.Rectangle(canvas).Size().X + vg.Points(14)
	plane := draw.Crop(canvas, 0, -column, 0, 0)
	p.Draw(plane)
	const title = 24 // points; the legend is below the title
	legend.Draw(draw.Crop(canvas, plane.Size().X+vg.Points(10), 0, 0, -vg.Points(title)))
}

// plane returns the plot without lines.
func (c Chart) plane() *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	if c.LogX {
		p.X.Tick.Marker = decades(plain)
	}
	if c.LogY {
		label := c.LabelY
		if label == nil {
			label = plain
		}
		p.Y.Tick.Marker = decades(label)
	}
	if c.XNames != nil {
		c.nameX(p)
	}
	if c.XTicks != nil {
		ticks := make([]plot.Tick, len(c.XTicks))
		for i, x := range c.XTicks {
			ticks[i] = plot.Tick{Value: scale(x, c.LogX), Label: plain(x)}
		}
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding, p.Legend.ThumbnailWidth = vg.Points(2), vg.Points(22)
	p.Title.Padding = vg.Points(8)
	for _, f := range []*font.Font{
		&p.Title.TextStyle.Font, &p.X.Label.TextStyle.Font, &p.Y.Label.TextStyle.Font,
		&p.X.Tick.Label.Font, &p.Y.Tick.Label.Font, &p.Legend.TextStyle.Font,
	} {
		f.Variant = "Sans"
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{Y: 225}, color.Gray{Y: 225}
	p.Add(grid)
	return p
}

// A series is the points of a line that lie on the plane, scaled, with the bars through them.
type series struct {
	plotter.XYs
	bars plotter.YErrors // distances of the bounds from the points, 0 for none
}

// YError returns the distances of the bounds from a point.
func (s series) YError(i int) (low, high float64) { return s.bars[i].Low, s.bars[i].High }

// points returns the points of a line that lie on the plane.
func (c Chart) points(line Line) (series, error) {
	var s series
	if len(line.X) != len(line.Y) || line.Low != nil && (len(line.Low) != len(line.Y) || len(line.High) != len(line.Y)) {
		return s, fmt.Errorf("%w %q: line %q has %d x, %d y and bounds for %d and %d", ErrChart, c.Title, line.Name,
			len(line.X), len(line.Y), len(line.Low), len(line.High))
	}
	for i := range line.X {
		x, y := line.X[i], line.Y[i]
		if !finite(x + y) {
			return s, fmt.Errorf("%w %q: point %d of line %q is not a number", ErrChart, c.Title, i, line.Name)
		}
		if c.LogX && x <= 0 || !c.holds(y) {
			continue
		}
		point := plotter.XY{X: scale(x, c.LogX), Y: scale(y, c.LogY)}
		s.XYs = append(s.XYs, point)
		var bar struct{ Low, High float64 }
		if line.Low != nil && finite(line.Low[i]+line.High[i]) {
			if c.holds(line.Low[i]) {
				bar.Low = scale(line.Low[i], c.LogY) - point.Y
			}
			if c.holds(line.High[i]) {
				bar.High = scale(line.High[i], c.LogY) - point.Y
			}
		}
		s.bars = append(s.bars, bar)
	}
	return s, nil
}

// holds reports whether the vertical axis has the value.
func (c Chart) holds(y float64) bool { return (!c.LogY || y > 0) && (c.LeastY == 0 || y >= c.LeastY) }

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// scale returns the position of a value on an axis. It computes logarithms here because
// plot.LogScale misplaces the labels of axes.
func scale(value float64, logarithmic bool) float64 {
	if logarithmic {
		return math.Log10(value)
	}
	return value
}

// fewDecades is the length of an axis up to which 1, 2 and 5 of each decade are labelled.
const fewDecades = 2.5

// decades labels the powers of ten on a logarithmic axis, and on a short one also 2 and 5 times
// them.
func decades(label func(float64) string) plot.TickerFunc {
	return func(low, high float64) []plot.Tick {
		steps := []float64{1}
		if high-low <= fewDecades {
			steps = []float64{1, 2, 5}
		}
		var ticks []plot.Tick
		for e := math.Floor(low); e <= math.Floor(high); e++ {
			for _, step := range steps {
				if at := e + math.Log10(step); at >= low-1e-9 && at <= high+1e-9 {
					ticks = append(ticks, plot.Tick{Value: at, Label: label(step * math.Pow10(int(e)))})
				}
			}
		}
		return ticks
	}
}

// roundLog returns bounds of a logarithmic axis that are labelled and contain the values: powers of
// ten, or on a short axis also 2 and 5 times them.
func roundLog(low, high float64) (float64, float64) {
	steps := []float64{0, math.Log10(2), math.Log10(5), 1}
	below, above := math.Floor(low), math.Floor(high)
	from, to := below, above+1
	for _, step := range steps {
		if below+step <= low+1e-9 {
			from = below + step
		}
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if above+steps[i] >= high-1e-9 {
			to = above + steps[i]
		}
	}
	if to-from > fewDecades {
		return below, math.Ceil(high)
	}
	return from, max(to, from+math.Log10(2))
}

func plain(value float64) string { return fmt.Sprintf("%.6g", value) }
