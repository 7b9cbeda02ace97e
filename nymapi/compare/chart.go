package compare

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Sizes of the chart in units of its own.
const (
	chartWidth  = 720
	chartHeight = 220
	chartLeft   = 46
	chartBottom = 30
	chartTop    = 10
)

// chart draws the RMSE of each epoch and mode as SVG, on a logarithmic axis if they differ much. It
// is empty without an error to draw. The table next to it has the same figures.
func chart(lines []epochLine) template.HTML {
	least, most := math.Inf(1), 0.0
	for _, line := range lines {
		for _, cell := range []epochCell{line.Single, line.Ephemera, line.Performance} {
			if rmse := cell.Quality.RMSE; rmse != nil {
				least, most = min(least, *rmse), max(most, *rmse)
			}
		}
	}
	if most == 0 {
		return ""
	}
	scale := linear(most)
	if least > 0 && most/least > 10 {
		scale = logarithmic(least, most)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %d %d" role="img" aria-label="RMSE of each epoch in each mode; the table below has the figures">`,
		chartWidth, chartHeight)
	for _, tick := range scale.ticks {
		y := scale.y(tick)
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`,
			chartLeft, chartWidth, y, y, chartLeft-6, y+4, tick)
	}
	drawMode(&b, "single", lines, scale, func(l epochLine) epochCell { return l.Single })
	drawMode(&b, "ephemera", lines, scale, func(l epochLine) epochCell { return l.Ephemera })
	drawMode(&b, "performance", lines, scale, func(l epochLine) epochCell { return l.Performance })
	fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`, chartX(0, len(lines)), chartHeight-10, lines[0].Name)
	if end := len(lines) - 1; end > 0 {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`, chartX(end, len(lines)), chartHeight-10, lines[end].Name)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// drawMode draws a point for each epoch with an error, and lines between neighbours.
func drawMode(b *strings.Builder, class string, lines []epochLine, scale chartScale, of func(epochLine) epochCell) {
	var path strings.Builder
	pen := "M"
	for i, line := range lines {
		rmse := of(line).Quality.RMSE
		if rmse == nil {
			pen = "M"
			continue
		}
		x, y := chartX(i, len(lines)), scale.y(*rmse)
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, x, y)
		pen = "L"
		mark := `<circle class="%s" cx="%.1f" cy="%.1f" r="4"><title>%s, epoch %d: %.2f</title></circle>`
		if class == "single" {
			mark = `<path class="%s mark" d="M%[2]f %[3]fm-4 -4l8 8m0 -8l-8 8"><title>%[4]s, epoch %[5]d: %.2[6]f</title></path>`
		}
		fmt.Fprintf(b, mark, class, x, y, class, line.Name, *rmse)
	}
	fmt.Fprintf(b, `<path class="%s line" d="%s"/>`, class, path.String())
}

func chartX(i, epochs int) float64 {
	return chartLeft + (chartWidth-chartLeft)*(float64(i)+.5)/float64(epochs)
}

// chartScale maps points to the chart.
type chartScale struct {
	ticks []float64
	y     func(points float64) float64
}

func linear(most float64) chartScale {
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for most/step < 3 {
		step /= 2
	}
	var ticks []float64
	for tick := 0.0; tick <= most; tick += step {
		ticks = append(ticks, tick)
	}
	return chartScale{ticks, func(v float64) float64 { return place01(v / most) }}
}

func logarithmic(least, most float64) chartScale {
	low, high := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	var ticks []float64
	for power := low; power <= high; power++ {
		ticks = append(ticks, math.Pow(10, power))
	}
	return chartScale{ticks, func(v float64) float64 { return place01((math.Log10(v) - low) / (high - low)) }}
}

// place01 returns the height of a share from 0 at the bottom to 1 at the top.
func place01(share float64) float64 {
	return chartHeight - chartBottom - share*(chartHeight-chartBottom-chartTop)
}
