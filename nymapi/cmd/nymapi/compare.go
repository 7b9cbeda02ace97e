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
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/logging"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/terminal"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/compare"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

var (
	errInterrupted = errors.New("interrupted: the results contain what was finished")
	errUnexplained = errors.New("epochs were missed for a reason that the flags do not explain; see the summary and run.log in the same folder")
	errUnverified  = errors.New("checks of the evidence failed; the text and summary.json name them")
)

// compareFlags are the flags of `nymapi compare`.
type compareFlags struct {
	config              compare.Config
	source, lie, scene  string
	liarsAt, offlineAt  string
	out                 string
	json                bool
	both                bool // run both default comparisons: no flag was given
	observers, believed []string
}

func newCompare() *cobra.Command {
	f := &compareFlags{config: compare.Default()}
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Compare the rewards of a single Nym-API with those of many that use Ephemera",
		Long: `Compare the rewards of a single Nym-API with those of many that use Ephemera.

Both measure the same world. All parts are real and run in this process, on
loopback and free ports: libp2p hosts, HTTP contracts, SQLite databases. Without
flags, two comparisons run one after the other: all Nym-APIs are honest, then
one lies.

The evidence of all epochs is checked as "contract verify" does it, against the
group and the contract's key that this run knows.

With --scene, nothing runs. A report from Nym or a similar system is replayed:
what happened there, what the rules here would pay, and what it teaches.

Exit status: 0 on success, 1 if an epoch was missed for a reason that the flags
do not explain or a check of the evidence failed, 2 for invalid flags, 130 after
a signal.`,
		Example: `  nymapi compare
  nymapi compare --nodes 7 --liars 2 --lie victims
  nymapi compare --scene list
  nymapi compare --scene outage
  nymapi compare --nodes 7 --liars 3 --performance-contract
  nymapi compare --source trace --trace metrics/testdata/seattle/seattle_uptime.csv --observers n00,n06,n14,n20 --truth n67,n73,n80,n86,n92`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.scene != "" {
				return f.playScene(cmd)
			}
			f.both = cmd.Flags().NFlag() == 0
			return f.run(cmd.Context(), cmd.Flags().Changed, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.add(cmd)
	return cmd
}

func (f *compareFlags) add(cmd *cobra.Command) {
	c, flags := &f.config, cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&c.Nodes, "nodes", c.Nodes, "number of Nym-APIs (with a trace: its observers)")
	flags.IntVar(&c.Mixnodes, "mixnodes", c.Mixnodes, "number of rewarded mixnodes (with a trace: those of the file)")
	flags.IntVar(&c.Epochs, "epochs", c.Epochs, "number of epochs (with a trace: all epochs of the file)")
	flags.DurationVar(&c.Epoch, "epoch", c.Epoch, "length of an epoch (with a trace: 1s); without this flag, large groups get longer ones")
	flags.IntVar(&c.Ticks, "ticks", c.Ticks, "measurements of each mixnode per epoch (with a trace: 1)")
	flags.StringVar(&c.Estimator, "estimator", c.Estimator, metrics.EstimatorNames())
	flags.Uint64Var(&c.Seed, "seed", c.Seed, "random seed: the same seed gives the same measurements")
	flags.StringVar(&f.source, "source", string(c.Source), "world: mixnodes with a true uptime; uniform: random numbers, as in the original; trace: a recorded file")
	flags.Float64Var(&c.Missing, "missing", c.Missing, "share of the world's measurements that are lost, from 0 to less than 1")
	flags.StringVar(&c.Submit, "submit", c.Submit, "race: all Nym-APIs submit at once; staged: they take turns")
	flags.StringVar(&c.Verify, "verify", c.Verify, "full: the contract recomputes every result; none: it accepts the first result unchecked, as the original did")
	flags.BoolVar(&c.Performance, "performance-contract", false, "also run Nym's performance contract: medians of what each Nym-API submits before an epoch ends")
	flags.IntVar(&c.Liars, "liars", c.Liars, "number of Nym-APIs that lie: the first ones")
	flags.StringVar(&f.liarsAt, "liars-at", "", "instead of --liars: the numbers of the Nym-APIs that lie, such as 1,3")
	flags.StringVar(&f.lie, "lie", string(c.Lie), "what liars report: zero, hundred, victims (zero for a tenth of the mixnodes) or split (two different reports, then nothing)")
	flags.IntVar(&c.Offline, "offline", c.Offline, "number of Nym-APIs that never run: the last ones")
	flags.StringVar(&f.offlineAt, "offline-at", "", "instead of --offline: the numbers of the Nym-APIs that never run, such as 2,4")
	flags.IntVar(&c.Single, "single", c.Single, "number of the Nym-API that mode single uses")
	flags.StringVar(&c.Trace, "trace", "", "file with recorded measurements, for --source trace")
	flags.StringSliceVar(&f.observers, "observers", nil, "observers of the trace that the Nym-APIs play back, in this order (default: all)")
	flags.StringSliceVar(&f.believed, "truth", nil, "observers of the trace that are the truth (default: no truth is known); better not those of the Nym-APIs")
	flags.StringVar(&c.TruthBy, "truth-by", "", "what makes the truth of their values: median (the default) or mean; both are reported")
	flags.StringVar(&f.out, "out", "", "new or empty folder for the results (default: results/<time>, with the link results/latest)")
	flags.BoolVar(&f.json, "json", false, "print only summary.json on standard output, or the scene as JSON")
	flags.StringVar(&f.scene, "scene", "", "instead of a comparison: the name of a scene, or list for all of them")
}

// run runs the comparison that the flags describe, or both default comparisons without flags. The
// end is printed once, after the last comparison.
func (f *compareFlags) run(ctx context.Context, given func(string) bool, stdout, stderr io.Writer) error {
	config, err := f.read(given)
	if err != nil {
		return err
	}
	if !f.both {
		return f.last(ctx, config, nil, stdout, stderr)
	}
	liar := config
	liar.Liars = 1
	fmt.Fprint(stdout, "Run 1 of 2: all Nym-APIs are honest.\n\n")
	first, honest := f.compare(ctx, config, nil, stdout, stderr)
	if honest != nil && !errors.Is(honest, errUnexplained) && !errors.Is(honest, errUnverified) {
		return honest
	}
	fmt.Fprint(stdout, "\nRun 2 of 2: the same world, and Nym-API 1 lies.\n\n")
	return errors.Join(honest, f.last(ctx, liar, first.scenes, stdout, stderr))
}

// last runs the last comparison, and prints the end.
func (f *compareFlags) last(ctx context.Context, config compare.Config, earlier []compare.Scene, stdout, stderr io.Writer) error {
	done, err := f.compare(ctx, config, earlier, stdout, stderr)
	if done == nil || f.json {
		return err
	}
	return errors.Join(compare.WriteEnd(stdout, done.scenes, done.dir), err)
}

// finished is a comparison with results.
type finished struct {
	scenes []compare.Scene // of this and all earlier comparisons
	dir    string          // of the results
}

// read returns the configuration that the flags describe. Values that a trace determines are zero
// unless their flag is given.
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
	}
	if given("epoch") && c.Epoch == 0 {
		return c, command.Usage("--epoch 0s: expected a length; give --epoch 4s, or remove it for what the group needs")
	}
	if !given("epoch") {
		c.Epoch = 0
	}
	return c, nil
}

// compare runs one comparison after the earlier ones and writes its results. Without
// results it returns nil.
func (f *compareFlags) compare(ctx context.Context, config compare.Config, earlier []compare.Scene, stdout, stderr io.Writer) (*finished, error) {
	plan, err := config.Plan()
	if err != nil {
		return nil, &command.UsageError{Err: err}
	}
	folder, err := compare.NewFolder(f.out, time.Now(), plan.Modes()...)
	if err != nil {
		return nil, &command.UsageError{Err: err}
	}
	if estimate := plan.Estimate(); estimate != "" {
		fmt.Fprintln(stderr, paragraph.Wrap(estimate))
	}
	for _, warning := range plan.Warnings() {
		fmt.Fprintln(stderr, paragraph.Wrap("Note: "+warning))
	}
	outcomes, err := runPlan(ctx, plan, folder, stderr)
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	summary := compare.NewSummary(plan, version, outcomes)
	done := &finished{scenes: append(earlier, compare.Scene{Plan: plan, Summary: summary}), dir: folder.Path}
	if err := folder.Write(done.scenes, outcomes); err != nil {
		return nil, err
	}
	if err := f.show(stdout, plan, summary); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return done, fmt.Errorf("%w (%s)", errInterrupted, folder.Path)
	}
	return done, errors.Join(folder.Finish(), unexpected(summary))
}

// unexpected returns an error if a run came to something that its flags do not explain.
func unexpected(s compare.Summary) error {
	var errs []error
	if !s.Explained() {
		errs = append(errs, errUnexplained)
	}
	if !s.Verified() {
		errs = append(errs, errUnverified)
	}
	return errors.Join(errs...)
}

// runPlan runs the plan, with run.log in the folder and progress on stderr.
func runPlan(ctx context.Context, plan *compare.Plan, folder compare.Folder, stderr io.Writer) ([]compare.Outcome, error) {
	path := filepath.Join(folder.Path, "run.log")
	err := files.CheckReplaceable(path)
	if err != nil {
		return nil, fmt.Errorf("write the log: %w", err)
	}
	log, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write the log: %w", err)
	}
	progress := compare.NewProgress(stderr, terminal.Is(stderr), plan)
	outcomes, err := compare.Run(ctx, plan, compare.Options{
		Database: folder.Database, Evidence: folder.Evidence, Progress: progress, Logger: logging.New(log, logging.JSON, logging.Levels{}),
	})
	progress.Close()
	if closed := log.Close(); err == nil {
		err = closed
	}
	return outcomes, err
}

// show prints the summary as JSON or as text.
func (f *compareFlags) show(stdout io.Writer, plan *compare.Plan, summary compare.Summary) error {
	if f.json {
		return summary.WriteJSON(stdout)
	}
	return compare.WriteText(stdout, plan, summary)
}
