package answers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

// Write writes everything into a folder: the page index.html, the figures with their data, and
// tables as CSV. Files of the same names are replaced.
func (a *Answers) Write(dir string) error {
	figures := a.Figures()
	if err := os.MkdirAll(filepath.Join(dir, figureFolder), 0o755); err != nil {
		return fmt.Errorf("write answers: %w (give a writable folder)", err)
	}
	page := pageOf(a)
	for _, f := range figures {
		var drawn bytes.Buffer
		if err := f.Chart.WriteSVG(&drawn); err != nil {
			return err
		}
		page.add(f, drawn.Bytes())
		if err := write(dir, filepath.Join(figureFolder, f.Name+".svg"), drawn.Bytes()); err != nil {
			return err
		}
		if err := write(dir, filepath.Join(figureFolder, f.Name+".csv"), f.CSV()); err != nil {
			return err
		}
	}
	html, err := page.render()
	if err != nil {
		return err
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{"index.html", html},
		{"summary.csv", a.summaryCSV()},
		{"differences.csv", a.differencesCSV()},
		{"verdict.csv", a.verdictCSV()},
		{"conditions.csv", a.conditionsCSV()},
		{"claims.txt", a.claimsText()},
	} {
		if err := write(dir, file.name, file.content); err != nil {
			return err
		}
	}
	return nil
}

// figureFolder is the folder of figures in that of the answers.
const figureFolder = "figures"

func write(dir, name string, content []byte) error {
	if err := files.Replace(filepath.Join(dir, name), 0o644, content); err != nil {
		return fmt.Errorf("write answers: %w (give a writable folder)", err)
	}
	return nil
}

// summaryCSV has every fact: cells, ways and measures with their means and intervals.
func (a *Answers) summaryCSV() []byte {
	var b bytes.Buffer
	b.WriteString("fact,text,mean,low,high\n")
	for _, f := range a.Facts() {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", f.Name, f.Text, number(f.Mean), number(f.Low), number(f.High))
	}
	return b.Bytes()
}

// differencesCSV compares all ways with the median.
func (a *Answers) differencesCSV() []byte {
	var b bytes.Buffer
	b.WriteString("section,n,liars,lie,missing,factor,level,way,difference,low,high,p,adjusted\n")
	for _, c := range a.compared {
		fmt.Fprintf(&b, "%s,%d,%d,%s,%g,%s,%s,%s,%s,%s,%s,%.3g,%.3g\n", c.Section, c.N, c.Liars, c.Lie, c.Missing, c.Factor, c.Level, c.way,
			number(c.difference.Mean), number(c.difference.Low), number(c.difference.High), c.p, c.adjusted)
	}
	return b.Bytes()
}

// verdictCSV has the score of each rule.
func (a *Answers) verdictCSV() []byte {
	var b bytes.Buffer
	b.WriteString("rule,candidate,score,low,high,difference,low,high,p,adjusted,tied,honest,beyond,mean_regret,large_regret\n")
	if a.verdict == nil {
		return b.Bytes()
	}
	for _, r := range a.verdict.Rules {
		fmt.Fprintf(&b, "%s,%t,%s,%s,%s,%s,%s,%s,%.3g,%.3g,%t,%s,%s,%s,%s\n", r.Name, r.Candidate,
			number(r.Score.Mean), number(r.Score.Low), number(r.Score.High), number(r.Difference.Mean), number(r.Difference.Low), number(r.Difference.High),
			r.P, r.Adjusted, r.Tied, number(r.Honest.Mean), number(r.Beyond.Mean), number(r.MeanRegret), number(r.LargeRegret))
	}
	return b.Bytes()
}

// conditionsCSV has the worst lie against each rule in each condition.
func (a *Answers) conditionsCSV() []byte {
	var b bytes.Buffer
	b.WriteString("n,missing,rule,lie,liars,loss,low,high,regret\n")
	if a.verdict == nil {
		return b.Bytes()
	}
	for _, c := range a.verdict.Conditions {
		for i, w := range c.Worst {
			fmt.Fprintf(&b, "%d,%s,%s,%s,%d,%s,%s,%s,%s\n", c.N, strconv.FormatFloat(c.Missing, 'g', -1, 64), a.verdict.Rules[i].Name, w.Lie, w.Liars,
				number(w.Loss.Mean), number(w.Loss.Low), number(w.Loss.High), number(w.Regret))
		}
	}
	return b.Bytes()
}
