package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/spelling"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
	"github.com/ephemera-go/nym-rewarding/nymapi/scenes"
)

// listScenes is what --scene takes instead of a name to list all.
const listScenes = "list"

// playedScene is a scene with what came out, as JSON.
type playedScene struct {
	scenes.Scene
	Seed    uint64       `json:"seed"`
	Setting string       `json:"setting"`
	Acts    []scenes.Act `json:"acts"`
}

// playScene prints the scene that --scene names, or the list of all.
func (f *compareFlags) playScene(cmd *cobra.Command) error {
	if err := f.checkScene(cmd.Flags()); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if f.scene == listScenes {
		if f.json {
			return writeJSON(out, scenes.All())
		}
		return writeSceneList(out)
	}
	scene, _ := scenes.Find(f.scene)
	acts, err := scene.Play(f.config.Seed)
	if err != nil {
		return fmt.Errorf("play the scene %s: %w", scene.Name, err)
	}
	played := playedScene{Scene: scene, Seed: f.config.Seed, Setting: scenes.Setting(f.config.Seed), Acts: acts}
	if f.json {
		return writeJSON(out, played)
	}
	return writeScene(out, played)
}

// checkScene refuses unknown scenes, and flags of comparisons, which a scene decides itself.
func (f *compareFlags) checkScene(flags *pflag.FlagSet) error {
	if _, ok := scenes.Find(f.scene); !ok && f.scene != listScenes {
		meant := "give --scene list to see all"
		if near := spelling.Nearest(f.scene, append(scenes.Names(), listScenes)); near != "" {
			meant = fmt.Sprintf("did you mean %s? Give --scene list to see all", near)
		}
		return command.Usage("--scene %q: expected the name of a scene; %s", f.scene, meant)
	}
	var err error
	flags.Visit(func(flag *pflag.Flag) {
		if !slices.Contains([]string{"scene", "seed", "json"}, flag.Name) {
			err = command.Usage("--%s %s: expected it without --scene, which decides everything but --seed; remove one of the two", flag.Name, flag.Value)
		}
	})
	return err
}

func writeJSON(w io.Writer, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}

func writeSceneList(w io.Writer) error {
	var b strings.Builder
	for _, s := range scenes.All() {
		fmt.Fprintf(&b, "%-15s%s\n%15s%s; the median %s\n", s.Name, s.Title, "", strings.Join(s.Reports, ", "), s.Median)
	}
	b.WriteString("\nPlay one with nymapi compare --scene NAME.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

const sceneLegend = `Errors are paid minus truth in points of 0 to 100. RMSE and bias: over paid cells; a cell is one mixnode in ` +
	`one epoch. Over- and underpaid: points for each cell; an unpaid cell is lost in full. Carried: paid an older value. Missed: epochs in ` +
	`which nothing is paid. NYM: paid to the wrong mixnodes or not at all in an epoch, if these were in Nym's rewarded set.`

// writeScene writes a scene for people. No line is wider than 80 columns.
func writeScene(w io.Writer, s playedScene) error {
	var b strings.Builder
	say := func(format string, args ...any) { b.WriteString(paragraph.Wrap(fmt.Sprintf(format, args...)) + "\n") }
	say("%s: %s", s.Name, s.Title)
	say("Reported in %s. The median %s.", strings.Join(s.Reports, ", "), s.Median)
	b.WriteString("\n")
	say("What happened there: %s", s.Happened)
	paid := slices.ContainsFunc(s.Acts, func(act scenes.Act) bool { return len(act.Lines) > 0 })
	if paid {
		b.WriteString("\n")
		say("What happens here: %s", s.Setting)
	}
	for _, act := range s.Acts {
		b.WriteString("\n")
		writeAct(&b, act)
	}
	if paid {
		b.WriteString("\n")
		say("%s", sceneLegend)
	}
	b.WriteString("\n")
	say("What it teaches: %s", s.Teaches)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeAct writes what happens, and what follows from it.
func writeAct(b *strings.Builder, act scenes.Act) {
	title := act.Title
	if act.Over != "" {
		title += "; figures of " + act.Over
	}
	b.WriteString(paragraph.Wrap(title+":") + "\n\n")
	writeLines(b, act)
	if act.Table != nil {
		if len(act.Lines) > 0 {
			b.WriteString("\n")
		}
		writeTable(b, *act.Table)
	}
	if len(act.Says) > 0 {
		b.WriteString("\n" + paragraph.Wrap(strings.Join(act.Says, " ")) + "\n")
	}
}

// writeLines writes what the ways pay in an act.
func writeLines(b *strings.Builder, act scenes.Act) {
	if len(act.Lines) == 0 {
		return
	}
	window := fmt.Sprintf("epochs %d to %d", act.First, act.Last)
	if act.First == act.Last {
		window = fmt.Sprintf("epoch %d", act.First)
	}
	fmt.Fprintf(b, "%-23s%6s%7s%7s%7s%8s%7s%7s%8s\n", "", "", "", "over-", "under-", "", "", "", "NYM")
	fmt.Fprintf(b, "%-23s%6s%7s%7s%7s%8s%7s%7s%8s\n", window, "RMSE", "bias", "paid", "paid", "carried", "unpaid", "missed", "mispaid")
	for _, l := range act.Lines {
		fmt.Fprintf(b, "%-23s%6s%7s%7.2f%7.2f%8s%7s%7s%8.1f\n", l.Way, shown("%.2f", l.RMSE), shown("%+.2f", l.Bias), l.Overpaid, l.Underpaid,
			percent(l.Carried, l.Cells), percent(l.Unpaid, l.Cells), fmt.Sprintf("%d/%d", l.Missed, l.Epochs), l.Mispaid)
	}
}

func shown(format string, value *float64) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprintf(format, *value)
}

func percent(part, of int) string { return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(of)) }

func writeTable(b *strings.Builder, t scenes.Table) {
	w := tabwriter.NewWriter(b, 0, 0, 3, ' ', 0)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}
