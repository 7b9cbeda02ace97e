package shadow

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/ephemera-go/nym-rewarding/nymapi/results"
)

// Dir is the default folder of the results of shadow runs.
const Dir = results.Dir + "/shadow"

// pageNodes is how many nodes the page lists. All are in summary.json.
const pageNodes = 100

//go:embed report.html
var reportHTML string

var reportPage = template.Must(template.New("report").Funcs(template.FuncMap{
	"value": value, "interval": interval, "signed": signed, "signedInterval": signedInterval, "percent": percent, "clock": clock, "short": short,
	"hundred": func(share float64) string { return fmt.Sprintf("%.1f", 100*share) },
}).Parse(reportHTML))

// WriteReport writes the figures as a page for browsers, which needs no other file.
func (s Summary) WriteReport(w io.Writer) error {
	nodes := s.PerNode[:min(pageNodes, len(s.PerNode))]
	return reportPage.Execute(w, map[string]any{
		"Summary": s, "Nodes": nodes, "More": len(s.PerNode) - len(nodes),
		"Distances": submitterChart(s.Submitters), "Course": courseChart(s.PerEpoch, s.Estimator),
	})
}

// Write writes summary.json, scores.csv and index.html to a folder.
func (o *Outcome) Write(f results.Folder) error {
	if err := f.Write("summary.json", o.Summary.WriteJSON); err != nil {
		return err
	}
	if err := f.Write("scores.csv", o.WriteCSV); err != nil {
		return err
	}
	return f.Write("index.html", o.Summary.WriteReport)
}
