package compare

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

// Scene is one run with its figures.
type Scene struct {
	Plan    *Plan
	Summary Summary
}

// Name says in at most 30 columns who lies and who is offline.
func (s Scene) Name() string {
	const most = 30
	name := []rune(s.Plan.faults())
	if len(name) > most {
		name = append(name[:most-1], '…')
	}
	return string(name)
}

// mode returns the summary of a mode.
func (s Scene) mode(mode Mode) ModeSummary {
	for _, m := range s.Summary.Modes {
		if m.Mode == mode {
			return m
		}
	}
	return ModeSummary{Mode: mode}
}

// WriteEnd writes what remains to be said after the last run: the error of each mode in each scene,
// with the share of cells that it is about, and where to look for more. dir is the folder of the
// last run's results.
func WriteEnd(w io.Writer, scenes []Scene, dir string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", headlines(scenes))
	b.WriteString("\nWhere to look:\n")
	for _, line := range whereToLook(scenes[len(scenes)-1].Plan, dir) {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// headlines returns a table with two numbers for each scene.
func headlines(scenes []Scene) string {
	n := scenes[0].Plan.Nodes
	head := table.Row{"RMSE (share of cells paid)", "one Nym-API", fmt.Sprintf("  %d with Ephemera", n)}
	modes := scenes[0].Plan.Modes()
	if slices.Contains(modes, Performance) {
		head = append(head, fmt.Sprintf("  %d, perf. contract", n))
	}
	var rows []table.Row
	for _, scene := range scenes {
		row := table.Row{scene.Name()}
		for _, mode := range modes {
			q := scene.mode(mode).Quality
			row = append(row, fmt.Sprintf("%s (%s)", points(q.RMSE), q.Share()))
		}
		rows = append(rows, row)
	}
	return paragraph.Table(head, rows)
}

// Share returns the share of the cells that are paid, rounded down so that only all are 100 %.
func (q Quality) Share() string {
	if q.Cells == 0 {
		return none
	}
	return fmt.Sprintf("%d %%", 100*(q.Fresh+q.Carried)/q.Cells)
}

// whereToLook returns at most eight lines for a shell.
func whereToLook(p *Plan, dir string) []string {
	d := "$D"
	if quoted(dir) != dir {
		d = `"$D"`
	}
	f := filesOf(d + "/" + string(Ephemera))
	lines := []string{
		"D=" + quoted(dir),
		"xdg-open " + d + "/" + reportFile + "  # these figures as a page, with all reports",
		"bin/contract inspect --db " + d + "/ephemera/contract.db  # what was decided",
		"bin/contract inspect --epoch last --db " + d + "/ephemera/contract.db",
		"bin/contract verify " + f.Bundles + " \\",
		"  --group " + f.Group + " --contract-key " + f.Key,
		"column -s, -t < " + d + "/rewards.csv | less  # each value with its truth",
	}
	if len(p.roles.liars) == 0 {
		return append(lines, "make compare ARGS='--liars 1'  # with a liar")
	}
	if p.Lie == LieSplit {
		return append(lines, "bin/contract verify "+d+"/ephemera/evidence/* --group "+d+"/ephemera/group")
	}
	return append(lines, fmt.Sprintf("make up N=%d  # as a cluster of containers", p.Nodes))
}
