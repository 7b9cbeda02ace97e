package answers

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
	"github.com/ephemera-go/nym-rewarding/nymapi/plots"
)

// Figure is a chart with its data.
type Figure struct {
	Name  string // of its files, without the ending
	About string // what it shows, as a sentence
	Chart plots.Chart
	rows  []figureRow
}

// figureRow is one point.
type figureRow struct {
	series, x string
	intervals.Interval
}

// CSV returns the data of the figure.
func (f Figure) CSV() []byte {
	var b bytes.Buffer
	b.WriteString("series,x,mean,low,high\n")
	for _, r := range f.rows {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", r.series, r.x, number(r.Mean), number(r.Low), number(r.High))
	}
	return b.Bytes()
}

// number returns a number for CSV files, nothing if it is unknown or unbounded.
func number(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', 7, 64)
}

// A panel is a figure in the making: for each series an interval at each name of the axis.
type panel struct {
	Figure
	names []string // of the axis
	lines map[string][]pointAt
	order []string // of the series
}

type pointAt struct {
	name int
	intervals.Interval
}

func newPanel(name, title, x, y, about string) *panel {
	return &panel{
		Figure: Figure{Name: name, About: about, Chart: plots.Chart{Title: title, X: x, Y: y}},
		lines:  map[string][]pointAt{},
	}
}

// add adds a point. Values that are not known are left out.
func (p *panel) add(series, name string, i intervals.Interval) {
	if math.IsNaN(i.Mean) || math.IsInf(i.Mean, 0) {
		return
	}
	at := slices.Index(p.names, name)
	if at < 0 {
		at, p.names = len(p.names), append(p.names, name)
	}
	if !slices.Contains(p.order, series) {
		p.order = append(p.order, series)
	}
	p.lines[series] = append(p.lines[series], pointAt{at, i})
	p.rows = append(p.rows, figureRow{series, name, i})
}

// draw returns the figure: dots next to each other at each name. The axis is logarithmic if the
// values span more than a decade and none is 0 or less.
func (p *panel) draw() Figure {
	f := p.Figure
	f.Chart.XNames = p.names
	least, most := math.Inf(1), math.Inf(-1)
	for k, name := range p.order {
		line := plots.Line{Name: name, Style: plots.Dots}
		line.Colour, line.Shape = mark(name, k)
		for _, point := range p.lines[name] {
			line.X = append(line.X, float64(point.name)+plots.Side(k, len(p.order)))
			line.Y = append(line.Y, point.Mean)
			line.Low, line.High = append(line.Low, point.Low), append(line.High, point.High)
			least, most = min(least, point.Mean), max(most, point.Mean)
		}
		if !slices.ContainsFunc(line.Low, func(low float64) bool { return !math.IsInf(low, 0) }) {
			line.Low, line.High = nil, nil // too few seeds
		}
		f.Chart.Lines = append(f.Chart.Lines, line)
	}
	f.Chart.LogY = least > 0 && most/least > 10
	return f
}
