package plots

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// shapes are the shapes of dots, so that series differ without colours, too.
func shapes() []draw.GlyphDrawer {
	return []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.RingGlyph{}, draw.CrossGlyph{}, draw.BoxGlyph{}, draw.PlusGlyph{}, draw.PyramidGlyph{},
	}
}

// add draws a line with its dots and bars, and its name in the legend.
func add(p *plot.Plot, line Line, points series) error {
	colour := colours[line.Colour%len(colours)]
	var legend []plot.Thumbnailer
	if line.Low != nil {
		bars, err := plotter.NewYErrorBars(points)
		if err != nil {
			return err
		}
		bars.Color, bars.Width, bars.CapWidth = colour, vg.Points(1), vg.Points(4)
		p.Add(bars)
	}
	if line.Style != Dots {
		drawn, err := plotter.NewLine(points.XYs)
		if err != nil {
			return err
		}
		drawn.Color, drawn.Width = colour, vg.Points(1.5)
		if line.Style == Dashed {
			drawn.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		p.Add(drawn)
		legend = append(legend, drawn)
	}
	if line.Style == Dotted || line.Style == Dots {
		dots, err := plotter.NewScatter(points.XYs)
		if err != nil {
			return err
		}
		all := shapes()
		dots.Color, dots.Shape, dots.Radius = colour, all[line.Shape%len(all)], vg.Points(2.5)
		p.Add(dots)
		legend = append(legend, dots)
	}
	if line.Name != "" {
		p.Legend.Add(line.Name, legend...)
	}
	return nil
}

// nameX labels the horizontal axis with names, with a line between each two. Long names are turned.
func (c Chart) nameX(p *plot.Plot) {
	ticks, letters := make([]plot.Tick, 0, 2*len(c.XNames)), 0
	for i, name := range c.XNames {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: name})
		letters = max(letters, len(name))
	}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Min, p.X.Max = -0.5, float64(len(c.XNames))-0.5
	const room = 60 // letters below the plane
	if letters*len(c.XNames) > room {
		p.X.Tick.Label.Rotation = math.Pi / 5
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XRight, text.YCenter
	}
}

// Side returns where series number k of n has its dots next to a name of a chart: the distance from
// the position 0, 1, 2, … of the name.
func Side(k, n int) float64 {
	const width = 0.7 // of the distance between two names
	return width * (float64(k) - float64(n-1)/2) / float64(max(n, 2))
}
