package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/terminal"
	"github.com/ephemera-go/nym-rewarding/nymapi/compare"
)

var (
	errInterrupted = errors.New("interrupted: the results hold what was finished")
	errUnexplained = errors.New("epochs were missed for another reason than the flags; see the summary, and run.log beside it")
)

// compareFlags are the flags of `nymapi compare`.
type compareFlags struct {
	config              compare.Config
	source, lie         string
	liarsAt, offlineAt  string
	out                 string
	json                bool
	observers, believed []string
}

func newCompare() *cobra.Command {
	f := &compareFlags{config: compare.Default()}
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Reward one world by a single Nym-API and by many with Ephemera, and say how the two differ",
		Long: `Reward one world by a single Nym-API and by many with Ephemera, and say how the two differ.

Everything is real and in this process, on loopback and free ports: libp2p hosts, HTTP contracts, SQLite databases. Without any
flag two scenes are shown one after the other: all honest, then one liar.

Exit status: 0, 1 when an epoch was missed that the flags do not explain, 2 for flags that cannot be used, 130 after Ctrl-C.`,
		Example: `  nymapi compare
  nymapi compare --nodes 7 --liars 2 --lie victims
  nymapi compare --source trace --trace metrics/testdata/seattle/seattle_uptime.csv --truth n00,n06,n14`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.Flags().Changed, cmd.Flags().NFlag() == 0, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.add(cmd)
	return cmd
}

func (f *compareFlags) add(cmd *cobra.Command) {
	c, flags := &f.config, cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&c.Nodes, "nodes", c.Nodes, "Nym-APIs (with a trace: its observers)")
	flags.IntVar(&c.Mixnodes, "mixnodes", c.Mixnodes, "rewarded mixnodes (with a trace: the file's)")
	flags.IntVar(&c.Epochs, "epochs", c.Epochs, "epochs to run (with a trace: all of the file)")
	flags.DurationVar(&c.Epoch, "epoch", c.Epoch, "length of an epoch (with a trace: 1s, or more for large ones)")
	flags.IntVar(&c.Ticks, "ticks", c.Ticks, "measurements of each mixnode in an epoch (with a trace: 1)")
	flags.StringVar(&c.Estimator, "estimator", c.Estimator, "mean, median, lowmedian, trimmed, trimmed(k) or mad")
	flags.Uint64Var(&c.Seed, "seed", c.Seed, "of everything random: the same seed gives the same measurements")
	flags.StringVar(&f.source, "source", string(c.Source), "world: mixnodes with a true uptime; uniform: random numbers, as in the original; trace: a file")
	flags.Float64Var(&c.Missing, "missing", c.Missing, "share of the world's measurements that are lost, from 0 to below 1")
	flags.StringVar(&c.Submit, "submit", c.Submit, "race: everybody submits at once; staged: one after the other")
	flags.StringVar(&c.Verify, "verify", c.Verify, "full: the contract recomputes every result; none: it believes the first, as the original did")
	flags.IntVar(&c.Liars, "liars", c.Liars, "how many Nym-APIs lie, the first ones")
	flags.StringVar(&f.liarsAt, "liars-at", "", "numbers of those that lie instead, such as 1,3")
	flags.StringVar(&f.lie, "lie", string(c.Lie), "zero, hundred, victims (zero for a tenth of the mixnodes), split (two different reports, then silence)")
	flags.IntVar(&c.Offline, "offline", c.Offline, "how many Nym-APIs never run, the last ones")
	flags.StringVar(&f.offlineAt, "offline-at", "", "numbers of those that never run instead, such as 2,4")
	flags.IntVar(&c.Single, "single", c.Single, "number of the only Nym-API of mode single")
	flags.StringVar(&c.Trace, "trace", "", "file with recorded measurements, for --source trace")
	flags.StringSliceVar(&f.observers, "observers", nil, "observers of the trace that are the Nym-APIs, in this order (default: all)")
	flags.StringSliceVar(&f.believed, "truth", nil, "observers of the trace whose median is the truth (default: there is no truth)")
	flags.StringVar(&f.out, "out", "", "new or empty folder for the results (default results/<time>, with a link results/latest)")
	flags.BoolVar(&f.json, "json", false, "print summary.json on standard output and nothing else")
}

// run runs the comparison that the flags describe, or without any flag the two scenes.
func (f *compareFlags) run(ctx context.Context, given func(string) bool, bare bool, stdout, stderr io.Writer) error {
	config, err := f.read(given)
	if err != nil {
		return err
	}
	if !bare {
		return f.compare(ctx, config, stdout, stderr)
	}
	liar := config
	liar.Liars = 1
	fmt.Fprint(stdout, "Scene 1 of 2: all are honest.\n\n")
	honest := f.compare(ctx, config, stdout, stderr)
	if honest != nil && !errors.Is(honest, errUnexplained) {
		return honest
	}
	fmt.Fprint(stdout, "\nScene 2 of 2: the same world, and Nym-API 1 lies.\n\n")
	return errors.Join(honest, f.compare(ctx, liar, stdout, stderr))
}

// read returns the configuration that the flags describe. What a trace decides is left to it unless
// it is given.
func (f *compareFlags) read(given func(string) bool) (compare.Config, error) {
	c := f.config
	c.Source, c.Lie, c.Observers, c.Truth = compare.Source(f.source), compare.Lie(f.lie), f.observers, f.believed
	var err error
	if c.LiarsAt, err = compare.ParsePositions("liars-at", f.liarsAt); err != nil {
		return c, &command.UsageError{Err: err}
	}
	if c.OfflineAt, err = compare.ParsePositions("offline-at", f.offlineAt); err != nil {
		return c, &command.UsageError{Err: err}
	}
	if c.Source == compare.SourceTrace {
		for flag, field := range map[string]*int{"nodes": &c.Nodes, "mixnodes": &c.Mixnodes, "epochs": &c.Epochs, "ticks": &c.Ticks} {
			if !given(flag) {
				*field = 0
			}
		}
		if !given("epoch") {
			c.Epoch = 0
		}
	}
	return c, nil
}

// compare runs one comparison and writes its results.
func (f *compareFlags) compare(ctx context.Context, config compare.Config, stdout, stderr io.Writer) error {
	plan, err := config.Plan()
	if err != nil {
		return &command.UsageError{Err: err}
	}
	folder, err := compare.NewFolder(f.out, time.Now())
	if err != nil {
		return &command.UsageError{Err: err}
	}
	if estimate := plan.Estimate(); estimate != "" {
		fmt.Fprintln(stderr, estimate)
	}
	for _, warning := range plan.Warnings() {
		fmt.Fprintln(stderr, "Note:", warning)
	}
	outcomes, err := perform(ctx, plan, folder, stderr)
	if err != nil && ctx.Err() == nil {
		return err
	}
	summary := compare.NewSummary(plan, version, outcomes)
	if err := folder.Write(plan, summary, outcomes); err != nil {
		return err
	}
	if err := f.show(stdout, plan, summary, folder); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w (%s)", errInterrupted, folder.Path)
	case !summary.Explained():
		return errors.Join(folder.Finish(), errUnexplained)
	default:
		return folder.Finish()
	}
}

// perform runs the plan with a log and a display of the progress.
func perform(ctx context.Context, plan *compare.Plan, folder compare.Folder, stderr io.Writer) ([]compare.Outcome, error) {
	log, err := os.Create(filepath.Join(folder.Path, "run.log"))
	if err != nil {
		return nil, fmt.Errorf("write the log: %w", err)
	}
	progress := compare.NewProgress(stderr, terminal.Is(stderr), plan)
	outcomes, err := compare.Run(ctx, plan, compare.Options{
		Database: folder.Database, Progress: progress, Logger: logging.New(log, logging.JSON, logging.Levels{}),
	})
	progress.Close()
	if closed := log.Close(); err == nil {
		err = closed
	}
	return outcomes, err
}

// show prints the summary, for programs or for people.
func (f *compareFlags) show(stdout io.Writer, plan *compare.Plan, summary compare.Summary, folder compare.Folder) error {
	if f.json {
		return summary.WriteJSON(stdout)
	}
	return compare.WriteText(stdout, plan, summary, folder.Path)
}
