package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/terminal"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/grid"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/seattle"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
	"github.com/ephemera-go/nym-rewarding/nymapi/results"
)

// longExperiment is the estimated time from which on an experiment needs --yes.
const longExperiment = time.Hour

// quickSeeds is the default of --seeds with --quick.
const quickSeeds = 3

// experimentFlags are the flags of `nymapi experiment`.
type experimentFlags struct {
	choice grid.Choice
	trace  string
	from   string
	out    string
	yes    bool
}

func newExperiment() *cobra.Command {
	f := &experimentFlags{choice: grid.Choice{FirstSeed: 1, Seeds: 20}}
	cmd := &cobra.Command{
		Use:   "experiment",
		Short: "Compare rules of payment over a grid of groups, liars, gaps and faults",
		Long: `Compare rules of payment over a grid of groups, liars, gaps and faults. In each
cell of the grid, all rules get the same reports. No network is used: honest
Nym-APIs measure a simulated world or a recorded one, and liars replace their
reports. The same seed gives the same results, on any number of cores.

It prints the best rule by the criterion of docs/ESTIMATORS.md, which it judges
from section base. The folder of --out has index.html with all figures, and
results.csv with every cell, seed and rule, of which --from makes them again.
An experiment that was interrupted or killed continues with the same flags and
that folder.

Exit status: 0 on success, 1 if a run failed, 2 for invalid flags, 130 after a
signal.`,
		Example: `  nymapi experiment --quick
  nymapi experiment --section list
  nymapi experiment --section base --n 10 --lie zero,victims --seeds 5
  nymapi experiment --trace measurements.csv --section trace
  nymapi experiment --from results.csv --out answers`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.choice.Quick && !cmd.Flags().Changed("seeds") {
				f.choice.Seeds = quickSeeds
			}
			if cmd.Flags().Changed("from") {
				return f.again(cmd)
			}
			// A choice takes 0 for the default.
			if cmd.Flags().Changed("epochs") && f.choice.Epochs == 0 {
				return command.Usage("--epochs 0: expected 1 to %d; give --epochs 100", grid.MaxEpochs)
			}
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.add(cmd)
	return cmd
}

func (f *experimentFlags) add(cmd *cobra.Command) {
	c, flags := &f.choice, cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&c.Sections, "section", nil, "sections of the grid, such as base,region; list prints them (default: all)")
	flags.IntSliceVar(&c.N, "n", nil, "only cells with these numbers of Nym-APIs")
	flags.StringSliceVar(&c.Lies, "lie", nil, "only cells with these lies; honest: nobody lies")
	flags.Float64SliceVar(&c.Missing, "missing", nil, "only cells in which these shares of the values are missing")
	flags.StringSliceVar(&c.Estimators, "estimator", nil, "rules by which groups decide, such as median,trimmed(2) (default: all)")
	flags.IntVar(&c.Seeds, "seeds", c.Seeds, "number of random seeds with which each cell is played (with --quick: 3)")
	flags.Uint64Var(&c.FirstSeed, "first-seed", c.FirstSeed, "the first of them; the others follow")
	flags.IntVar(&c.Epochs, "epochs", 0, "number of epochs, in cells in which it is not varied (default: 100, with --quick 20)")
	flags.BoolVar(&c.Quick, "quick", false, "play few cells of each section for fewer epochs, in less than a minute")
	flags.StringVar(&f.trace, "trace", "", "file with recorded measurements, which the section trace plays; the layout is that of compare --trace")
	flags.StringVar(&f.from, "from", "", "play nothing, and evaluate this results.csv of an earlier experiment; --out is the folder for the answers (default: that of the file)")
	flags.StringVar(&f.out, "out", "", "folder for the results: new, empty, or of an experiment to continue (default: results/experiment-<time>)")
	flags.BoolVar(&f.yes, "yes", false, "begin even if it will take more than an hour")
}

func (f *experimentFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	sections, inputs, err := f.sections()
	if err != nil {
		return err
	}
	if slices.Equal(f.choice.Sections, []string{"list"}) {
		return listSections(stdout, sections)
	}
	plan, err := f.choice.Plan(sections, version, inputs...)
	if err != nil {
		return &command.UsageError{Err: err}
	}
	out := f.out
	if out == "" {
		out = filepath.Join(results.Dir, "experiment-"+time.Now().UTC().Format("20060102T150405.000Z"))
	}
	journal, err := grid.Open(out, plan)
	if errors.Is(err, grid.ErrFolder) {
		return &command.UsageError{Err: err}
	}
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // runs allocate much that lives briefly
	if err := f.announce(ctx, plan, journal, out, stderr); err != nil {
		if refused := (*command.UsageError)(nil); errors.As(err, &refused) {
			return errors.Join(err, journal.Discard())
		}
		return errors.Join(err, journal.Close())
	}
	return errors.Join(f.play(ctx, plan, journal, out, stdout, stderr), journal.Close())
}

// sections returns all sections, and what identifies the files that they play.
func (f *experimentFlags) sections() (all []experiment.Section, inputs []string, err error) {
	recorded, err := seattle.Trace()
	if err != nil {
		return nil, nil, err
	}
	all = experiment.Sections()
	section, err := experiment.Recorded("seattle", "The recorded Seattle trace, in which ten observers report and ten are the truth.", recorded)
	if err != nil {
		return nil, nil, err
	}
	all = append(all, section)
	if f.trace == "" {
		return all, nil, nil
	}
	own, err := trace.Open(f.trace)
	if err != nil {
		return nil, nil, command.Usage("--trace: %w", err)
	}
	if section, err = experiment.Recorded("trace", "The file of --trace.", own); err != nil {
		return nil, nil, command.Usage("--trace: %w", err)
	}
	hash, err := hashOf(f.trace)
	if err != nil {
		return nil, nil, command.Usage("--trace: %w", err)
	}
	return append(all, section), []string{hash}, nil
}

// hashOf returns the hash of a file's content.
func hashOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// listSections prints the names of the sections, how many cells each has, and what they vary.
func listSections(stdout io.Writer, sections []experiment.Section) error {
	cells := 0
	for _, s := range sections {
		cells += len(s.Cells())
		if _, err := fmt.Fprintf(stdout, "%s (%d cells)\n%s\n\n", s.Name, len(s.Cells()), paragraph.Wrap(s.About)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(stdout, "%d cells in all\n", cells)
	return err
}

// announce says what will be played and for how long, and refuses what would take too long.
func (f *experimentFlags) announce(ctx context.Context, plan *grid.Plan, journal *grid.Journal, out string, stderr io.Writer) error {
	done := journal.Done()
	fmt.Fprintf(stderr, "%s\nresults: %s\n", paragraph.Wrap(plan.String()), out)
	if lost := journal.Dropped(); lost > 0 {
		fmt.Fprintln(stderr, paragraph.Wrap(fmt.Sprintf("Note: the last %d bytes of the journal are damaged: their runs are played again", lost)))
	}
	if done > 0 {
		fmt.Fprintf(stderr, "%d runs were finished before\n", done)
	}
	if journal.Done() == plan.Runs() {
		return nil
	}
	left, err := plan.Estimate(ctx, journal)
	if ctx.Err() != nil {
		return interruptedIn(out)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "estimated time: %s\n", inWords(left))
	if left > longExperiment && !f.yes {
		return command.Usage("this will take about %s, more than an hour: give --yes to begin, or fewer --seeds, --epochs or cells (--quick, --section, --n, --lie)", inWords(left))
	}
	return nil
}

// inWords returns a duration as people say it: "2 h 5 min", "3 min", "40 s".
func inWords(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()+12)/24)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	}
	return fmt.Sprintf("%d s", int(d.Seconds())+1)
}

// play plays what has no results yet, and writes the results.
func (f *experimentFlags) play(ctx context.Context, plan *grid.Plan, journal *grid.Journal, out string, stdout, stderr io.Writer) error {
	progress := grid.NewProgress(stderr, terminal.Is(stderr), plan)
	progress.Show(journal.Done())
	err := plan.Run(ctx, journal, progress.Show)
	progress.Close()
	switch {
	case ctx.Err() != nil && err != nil:
		return interruptedIn(out)
	case err != nil:
		return err
	}
	path, err := journal.WriteResults()
	if err != nil {
		return err
	}
	return answer(path, out, stdout)
}

func interruptedIn(out string) error {
	return fmt.Errorf("%w (%s): continue with the same flags and --out %s", errInterrupted, out, out)
}
