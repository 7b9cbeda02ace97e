package plots

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func chart() Chart {
	return Chart{
		Title: "growth", X: "members", Y: "bytes", LogX: true, LogY: true, XTicks: []float64{1, 10, 100},
		Lines: []Line{
			{Name: "measured", X: []float64{1, 10, 100}, Y: []float64{0, 3, 50}, Style: Dotted},
			{Name: "computed", X: []float64{1, 10, 100}, Y: []float64{1, 4, 60}, Style: Dashed, Colour: 1},
		},
	}
}

func TestAChartIsWellFormedAndTheSameEveryTime(t *testing.T) {
	var first, second bytes.Buffer
	require.NoError(t, chart().WriteSVG(&first))
	require.NoError(t, chart().WriteSVG(&second))
	require.Equal(t, first.String(), second.String())
	for _, text := range []string{">growth<", ">members<", ">bytes<", ">measured<", ">computed<", ">100<"} {
		require.Contains(t, first.String(), text)
	}
	decoder := xml.NewDecoder(&first)
	for {
		if _, err := decoder.Token(); err == io.EOF {
			return
		} else {
			require.NoError(t, err)
		}
	}
}

func TestPointsThatAreNotPositiveAreLeftOutOnLogarithmicAxes(t *testing.T) {
	points, err := chart().points(chart().Lines[0])
	require.NoError(t, err)
	require.Len(t, points.XYs, 2)
	linear := chart()
	linear.LogX, linear.LogY = false, false
	points, err = linear.points(linear.Lines[0])
	require.NoError(t, err)
	require.Len(t, points.XYs, 3)
}

func TestAChartThatCannotBeDrawnSaysWhy(t *testing.T) {
	for name, tt := range map[string]struct {
		line Line
		want string
	}{
		"lengths":  {Line{Name: "a", X: []float64{1}, Y: []float64{1, 2}}, `cannot draw chart "growth": line "a" has 1 x, 2 y and bounds for 0 and 0`},
		"infinity": {Line{Name: "a", X: []float64{1}, Y: []float64{math.Inf(1)}}, `point 0 of line "a" is not a number`},
		"nothing":  {Line{Name: "a", X: []float64{1}, Y: []float64{0}}, "no point lies on it"},
	} {
		c := chart()
		c.Lines = []Line{tt.line}
		err := c.WriteSVG(io.Discard)
		require.ErrorIs(t, err, ErrChart, name)
		require.ErrorContains(t, err, tt.want, name)
	}
}

func TestAWriterThatFailsIsReported(t *testing.T) {
	full := errors.New("disk full")
	require.ErrorIs(t, chart().WriteSVG(failing{full}), full)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func named() Chart {
	return Chart{
		Title: "lies", X: "lie", Y: "NYM an epoch", XNames: []string{"zero", "hundred", "victims"},
		Lines: []Line{
			{Name: "median", Style: Dots, X: []float64{Side(0, 2), 1 + Side(0, 2), 2 + Side(0, 2)}, Y: []float64{3, 4, 5}, Low: []float64{2, 3.5, math.Inf(-1)}, High: []float64{4, 4.5, math.Inf(1)}},
			{Name: "mean", Style: Dots, X: []float64{Side(1, 2), 1 + Side(1, 2)}, Y: []float64{6, 9}, Colour: 1, Shape: 1},
		},
	}
}

func TestIntervalsAreBarsThroughTheirPoints(t *testing.T) {
	c := named()
	points, err := c.points(c.Lines[0])
	require.NoError(t, err)
	low, high := points.YError(1)
	require.InDelta(t, -0.5, low, 1e-12)
	require.InDelta(t, 0.5, high, 1e-12)
	low, high = points.YError(2)
	require.Zero(t, low)
	require.Zero(t, high, "unknown bounds are not drawn")

	c.LogY, c.Lines[0].Low[0] = true, 0
	points, err = c.points(c.Lines[0])
	require.NoError(t, err)
	low, high = points.YError(0)
	require.Zero(t, low, "a bound off a logarithmic axis is not drawn")
	require.InDelta(t, math.Log10(4./3), high, 1e-12)

	c.Lines[0].High = c.Lines[0].High[:1]
	_, err = c.points(c.Lines[0])
	require.ErrorContains(t, err, `line "median" has 3 x, 3 y and bounds for 3 and 1`)
}

func TestSeriesOverNamesStandNextToEachOther(t *testing.T) {
	var out, without bytes.Buffer
	require.NoError(t, named().WriteSVG(&out))
	for _, text := range []string{">zero<", ">hundred<", ">victims<", ">median<", ">mean<"} {
		require.Contains(t, out.String(), text)
	}
	c := named()
	c.Lines[0].Low, c.Lines[0].High = nil, nil
	require.NoError(t, c.WriteSVG(&without))
	require.NotEqual(t, without.Len(), out.Len())
	for n := 1; n < 9; n++ {
		require.InDelta(t, 0, Side(0, n)+Side(n-1, n), 1e-12)
		require.Less(t, Side(n-1, n), 0.5)
	}
}

func TestShortLogarithmicAxesEndAtALabel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-4, 4).Draw(t, "low")
		high := low + rapid.Float64Range(0, 4).Draw(t, "length")
		from, to := roundLog(low, high)
		require.True(t, from <= low+1e-9 && high <= to+1e-9, "%g to %g", from, to)
		ticks := decades(plain)(from, to)
		require.GreaterOrEqual(t, len(ticks), 2)
		require.InDelta(t, from, ticks[0].Value, 1e-9)
		if to-from <= fewDecades {
			require.Less(t, low-from, math.Log10(2.5)+1e-9, "less than the distance of two labels is empty")
			require.InDelta(t, to, ticks[len(ticks)-1].Value, 1e-9)
		}
	})
}
