// Package heatmap draws reports as HTML: a row for each reporter, a column for each mixnode, and
// the result below. The colours of a row are one picture, so a page with hundreds of thousands of
// values stays small. Next to it stands how far the row is from the result, so that a liar is seen
// without colours as well, by a screen reader and in print.
//
// The package is unstable: it is public only because the modules of this repository share it.
package heatmap

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Row is one reporter.
type Row struct {
	Name   string
	Values []metrics.Uptime // one for each mixnode; nil: it did not report
}

// Map is the reports about one epoch and what was made of them.
type Map struct {
	Caption  string // what the map is about, in text
	Mixnodes []metrics.MixID
	Rows     []Row
	Result   []metrics.Uptime // one for each mixnode
}

// Style is CSS for pages with maps. It must be on the page once. It follows the reader's choice of
// a light or a dark page if the page says `color-scheme: light dark`.
//
//go:embed style.css
var Style template.CSS

//go:embed map.html
var mapHTML string

var page = template.Must(template.New("map").Parse(mapHTML))

// rowView is a row as the template shows it.
type rowView struct {
	Name     string
	Picture  template.URL // empty: no report
	Alt      string
	Distance string
	Far      bool // much farther from the result than the others
	Bar      int  // width of the distance in percent
}

// Write writes the map as an HTML table.
func Write(w io.Writer, m Map) error {
	distances := make([]float64, len(m.Rows))
	for i, row := range m.Rows {
		distances[i] = distance(row.Values, m.Result)
	}
	limit := farLimit(distances)
	rows := make([]rowView, len(m.Rows))
	for i, row := range m.Rows {
		view, err := viewOf(row)
		if err != nil {
			return err
		}
		if d := distances[i]; row.Values != nil && !math.IsNaN(d) {
			view.Distance, view.Bar, view.Far = fmt.Sprintf("%.2f", d), int(math.Ceil(min(d, 100))), d > limit
		}
		rows[i] = view
	}
	result, err := viewOf(Row{Name: "result", Values: m.Result})
	if err != nil {
		return err
	}
	data := struct {
		Map
		Rows        []rowView
		Result      rowView
		First, Last metrics.MixID
	}{Map: m, Rows: rows, Result: result}
	if len(m.Mixnodes) > 0 {
		data.First, data.Last = m.Mixnodes[0], m.Mixnodes[len(m.Mixnodes)-1]
	}
	return page.Execute(w, data)
}

func viewOf(row Row) (rowView, error) {
	view := rowView{Name: row.Name}
	if row.Values == nil {
		return view, nil
	}
	sum, count := 0.0, 0
	for _, value := range row.Values {
		if points, ok := value.Points(); ok {
			sum, count = sum+points, count+1
		}
	}
	view.Alt = "no values"
	if count > 0 {
		view.Alt = fmt.Sprintf("%d of %d values, mean %.2f", count, len(row.Values), sum/float64(count))
	}
	picture, err := strip(row.Values)
	view.Picture = picture
	return view, err
}

// distance returns the root of the mean squared difference between two rows in points, over the
// mixnodes for which both have a value. It is NaN without any.
func distance(values, result []metrics.Uptime) float64 {
	squares, count := 0.0, 0
	for i, value := range values {
		a, reported := value.Points()
		b, paid := result[i].Points()
		if reported && paid {
			squares, count = squares+(a-b)*(a-b), count+1
		}
	}
	return math.Sqrt(squares / float64(count))
}

// farLimit returns the distance above which a row stands out: three times the median of all, and at
// least 5 points.
func farLimit(distances []float64) float64 {
	column := make([]metrics.Uptime, 0, len(distances))
	for _, d := range distances {
		if !math.IsNaN(d) {
			column = append(column, metrics.Uptime(d*float64(metrics.PerPoint)))
		}
	}
	slices.Sort(column)
	median, _ := metrics.Median(column).Points()
	return max(5, 3*median)
}

// strip returns a picture of a row, one pixel high, as a data URL. A missing value is transparent.
func strip(values []metrics.Uptime) (template.URL, error) {
	picture := image.NewNRGBA(image.Rect(0, 0, max(1, len(values)), 1))
	for i, value := range values {
		if points, ok := value.Points(); ok {
			picture.SetNRGBA(i, 0, colour(points))
		}
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		return "", fmt.Errorf("draw a row: %w", err)
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(encoded.Bytes())), nil
}

// scale is the colours of 0, 25, 50, 75 and 100 points, from dark to light. They differ in
// lightness, so that people who do not see colours can tell them apart (after Smith and van der
// Walt's viridis).
var scale = [5][3]float64{{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}

// colour returns the colour of a value in points of 0..100.
func colour(points float64) color.NRGBA {
	at := points / 100 * float64(len(scale)-1)
	low := min(int(at), len(scale)-2)
	mix := func(channel int) uint8 {
		a, b := scale[low][channel], scale[low+1][channel]
		return uint8(math.Round(a + (b-a)*(at-float64(low))))
	}
	return color.NRGBA{R: mix(0), G: mix(1), B: mix(2), A: 255}
}
