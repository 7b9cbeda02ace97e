package answers

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
)

//go:embed page.html
var pageHTML string

// page is what the template shows. The page requests nothing: figures are part of it.
type page struct {
	Sentences []string
	Verdict   *Verdict
	Figures   []figureView
	Measures  []experiment.Measure
}

type figureView struct {
	Figure
	Picture template.URL
	Points  []pointView
}

type pointView struct {
	Series, X string
	intervals.Interval
}

// pageOf returns the page without figures.
func pageOf(a *Answers) *page {
	return &page{Sentences: a.Sentences(), Verdict: a.verdict, Measures: experiment.Measures()}
}

// add adds a figure that was drawn as SVG.
func (p *page) add(f Figure, drawn []byte) {
	view := figureView{Figure: f, Picture: template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(drawn))}
	for _, r := range f.rows {
		view.Points = append(view.Points, pointView{r.series, r.x, r.Interval})
	}
	p.Figures = append(p.Figures, view)
}

// render returns the page as HTML.
func (p *page) render() ([]byte, error) {
	functions := template.FuncMap{
		"short": short, "bounds": bounds,
		"percent": func(share float64) string { return fmt.Sprintf("%g %%", 100*share) },
		"p": func(r Rule) string {
			if !r.Candidate || r.Name == p.Verdict.Best {
				return "–"
			}
			return fmt.Sprintf("%.2g", r.Adjusted)
		},
	}
	parsed, err := template.New("page").Funcs(functions).Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("render page: %w", err)
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("render page: %w", err)
	}
	return b.Bytes(), nil
}
