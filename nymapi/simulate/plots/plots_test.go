package plots

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
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
	require.Len(t, points, 2)
	linear := chart()
	linear.LogX, linear.LogY = false, false
	points, err = linear.points(linear.Lines[0])
	require.NoError(t, err)
	require.Len(t, points, 3)
}

func TestAChartThatCannotBeDrawnSaysWhy(t *testing.T) {
	for name, tt := range map[string]struct {
		line Line
		want string
	}{
		"lengths":  {Line{Name: "a", X: []float64{1}, Y: []float64{1, 2}}, `cannot draw chart "growth": line "a" has 1 x and 2 y`},
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
