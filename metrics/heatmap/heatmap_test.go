package heatmap

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

func draw(t *testing.T, m Map) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Write(&out, m))
	return out.String()
}

func TestALiarStandsOutInColourNumberAndWords(t *testing.T) {
	const no = metrics.Missing
	html := draw(t, Map{
		Caption: "epoch <1>", Mixnodes: []metrics.MixID{"m1", "m2", "m3"},
		Rows: []Row{
			{"nymapi-1", []metrics.Uptime{0, 0, 0}},
			{"nymapi-2", []metrics.Uptime{9000, no, 10000}},
			{"nymapi-3", []metrics.Uptime{9100, 9900, 10000}},
			{"nymapi-4", nil},
			{"nymapi-5", []metrics.Uptime{no, no, no}},
		},
		Result: []metrics.Uptime{9000, 9900, 10000},
	})
	require.Contains(t, html, "epoch &lt;1&gt;")
	require.Equal(t, 1, strings.Count(html, `class="far"`))
	require.Regexp(t, `class="far"><th scope="row">nymapi-1</th>`, html)
	require.Contains(t, html, "far: 96.44", "sqrt((90² + 99² + 100²) / 3)")
	require.Contains(t, html, `alt="2 of 3 values, mean 95.00"`)
	require.Contains(t, html, `alt="no values"`)
	require.Equal(t, 1, strings.Count(html, "no report in this block"))
	require.NotContains(t, html, "NaN")

	pictures := regexp.MustCompile(`base64,([^"]+)"`).FindAllStringSubmatch(html, -1)
	require.Len(t, pictures, 5, "four reports and the result")
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(pictures[1][1], "&#43;", "+"))
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	require.Equal(t, 3, picture.Bounds().Dx())
	_, _, _, alpha := picture.At(1, 0).RGBA()
	require.Zero(t, alpha, "a missing value is transparent")
	r, g, b, _ := picture.At(2, 0).RGBA()
	require.Equal(t, []uint32{253, 231, 37}, []uint32{r >> 8, g >> 8, b >> 8})
}

func TestColoursGetLighterWithTheValue(t *testing.T) {
	last := -1.0
	for points := range 101 {
		c := colour(float64(points))
		light := .2126*float64(c.R) + .7152*float64(c.G) + .0722*float64(c.B)
		require.Greater(t, light, last, points)
		last = light
	}
}

func TestNothingToDrawIsNoError(t *testing.T) {
	require.Contains(t, draw(t, Map{Caption: "empty"}), "<td>nothing</td>")
}
