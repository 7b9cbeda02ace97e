package compare

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/heatmap"
)

// reportFile is the name of the report for browsers.
const reportFile = "index.html"

// mostDrawn is the number of values of which the report draws pictures, those of the first epochs.
// It keeps the page below about 10 MB.
const mostDrawn = 3_000_000

//go:embed report.html
var reportHTML string

var reportPage = template.Must(template.New("report").Funcs(template.FuncMap{
	"points": points, "signed": signed, "number": number, "bytes": byteCount, "winners": winners,
}).Parse(reportHTML))

// WriteReport writes the figures of the scenes, and of the last one in detail, as a page for
// browsers. The page needs no other file. The outcomes are those of the last scene.
func WriteReport(w io.Writer, scenes []Scene, outcomes []Outcome) error {
	last := scenes[len(scenes)-1]
	maps, left, err := last.maps(outcomes)
	if err != nil {
		return err
	}
	return reportPage.Execute(w, map[string]any{
		"Style": heatmap.Style, "Scenes": scenes, "Last": last, "Summary": last.Summary, "Title": last.Plan.Title(),
		"Chart": chart(last.perEpoch(outcomes)), "Epochs": last.perEpoch(outcomes), "Maps": maps, "MapsLeft": left,
		"Command": last.Plan.Command(), "Flags": last.Plan.flagList(), "Sentences": last.Plan.sentences(last.Summary),
		"Legend": last.Summary.legend(), "Files": filesOf(string(Ephemera)),
	})
}

// Mode returns the summary of a mode, for the report.
func (s Scene) Mode(mode string) ModeSummary { return s.mode(Mode(mode)) }

// Faults says who lies and who is offline, for the report.
func (s Scene) Faults() string { return s.Plan.faults() }

// epochLine is what the modes paid in one epoch.
type epochLine struct {
	Name                          int64
	Single, Ephemera, Performance epochCell
}

type epochCell struct {
	Settled  bool
	Rewarded bool
	Quality  Quality
	Winner   string
	After    time.Duration
	Reason   string
}

// perEpoch returns a line for each epoch that any mode has settled.
func (s Scene) perEpoch(outcomes []Outcome) []epochLine {
	var lines []epochLine
	for _, o := range outcomes {
		paid := o.paid()
		for i, record := range o.Records {
			if i == len(lines) {
				lines = append(lines, epochLine{Name: s.Plan.input.name(i + 1)})
			}
			cell := epochCell{Settled: true, Reason: record.Detail.Reason, Quality: s.Plan.qualityFrom(i+1, paid[:i+1], nil)}
			if cell.After, cell.Rewarded = record.acceptedAfter(); cell.Rewarded {
				cell.Winner = record.Detail.Winner.Name
			}
			switch o.Mode {
			case Single:
				lines[i].Single = cell
			case Ephemera:
				lines[i].Ephemera = cell
			case Performance:
				lines[i].Performance = cell
			}
		}
	}
	return lines
}

// maps draws the reports of the rewarded epochs in the ephemera mode, and returns how many epochs
// were left out because the page would get too large.
func (s Scene) maps(outcomes []Outcome) (maps []template.HTML, left int, err error) {
	drawn := 0
	for _, o := range outcomes {
		for i, record := range o.Records {
			if record.Matrix == nil {
				continue
			}
			if drawn += len(record.Matrix.Rows) * len(record.Matrix.Mixnodes); drawn > mostDrawn {
				left++
				continue
			}
			var out bytes.Buffer
			if err := heatmap.Write(&out, s.mapOf(o, i, record)); err != nil {
				return nil, 0, err
			}
			maps = append(maps, template.HTML(out.String()))
		}
	}
	return maps, left, nil
}

// mapOf returns the reports of an epoch with a row for each member, in the order of their names.
func (s Scene) mapOf(o Outcome, index int, record Record) heatmap.Map {
	m := heatmap.Map{
		Caption:  fmt.Sprintf("Epoch %d, rewarded by %s", s.Plan.input.name(index+1), record.Detail.Winner.Name),
		Mixnodes: record.Matrix.Mixnodes, Result: values(record.Detail.Result),
	}
	for key, name := range o.Names {
		reported, _ := record.Matrix.Row(key.PeerID()) // nil if it did not report
		m.Rows = append(m.Rows, heatmap.Row{Name: name, Values: reported})
	}
	slices.SortFunc(m.Rows, func(a, b heatmap.Row) int { return contract.CompareNames(a.Name, b.Name) })
	return m
}

func values(rewards []contract.Reward) []metrics.Uptime {
	paid := make([]metrics.Uptime, len(rewards))
	for i, reward := range rewards {
		paid[i] = reward.Value
	}
	return paid
}

// flagList returns every flag with its value as text, in alphabetical order.
func (p *Plan) flagList() []string {
	var list []string
	for name, value := range p.flags() {
		list = append(list, "--"+name+" "+flagText(value))
	}
	slices.Sort(list)
	return list
}

// Command returns the command that repeats the run: with every flag that differs from its default.
func (p *Plan) Command() string {
	usual := (&Plan{Config: Default()}).flags()
	words := []string{"nymapi compare"}
	for name, value := range p.flags() {
		text := flagText(value)
		switch {
		case text == "" || text == flagText(usual[name]):
		case name == "liars" || name == "offline": // the lists say it
		case text == "true":
			words = append(words, "--"+name)
		case p.Source == SourceTrace && slices.Contains([]string{"nodes", "mixnodes", "ticks"}, name):
			// the file says it
		default:
			words = append(words, "--"+name+" "+quoted(text))
		}
	}
	slices.Sort(words[1:])
	return strings.Join(words, " ")
}

// flagText returns the value of a flag as it is given.
func flagText(value any) string {
	switch v := value.(type) {
	case []string:
		return strings.Join(v, ",")
	case []int:
		return joinInts(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(value)
}
