package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/terminal"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
	"github.com/ephemera-go/nym-rewarding/nymapi/simulate"
)

var errViolation = errors.New("an invariant was violated; see the output")

// simulateFlags are the flags of `nymapi simulate`.
type simulateFlags struct {
	config       simulate.Config
	latency      string
	adversary    string
	find         time.Duration
	availability []string
	out          string
	growth       int
	json         bool
}

func newSimulate() *cobra.Command {
	f := &simulateFlags{config: simulate.Default()}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Simulate a day of many Nym-APIs in virtual time, search for violations, or compute availability",
		Long: `Simulate a day of many Nym-APIs in virtual time: the production broadcast code
with a simulated network, application and contract. It runs in one process
without sockets and disk. The same seed gives the same day.

With --find, random short days with faults and adversaries run on all cores for
that long. With --availability, only who is online is simulated: the share of
epochs lost for each number of Nym-APIs, computed exactly and by random draws.

Exit status: 0 on success, 1 if an invariant was violated, 2 for invalid flags,
130 after a signal.`,
		Example: `  nymapi simulate --nodes 40 --epochs 24 --latency wan --out figures
  nymapi simulate --nodes 31 --latency 50ms --adversary equivocate=7,silent=3
  nymapi simulate --find 30m --seed 7
  nymapi simulate --availability .95,.99,.999`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.add(cmd)
	return cmd
}

func (f *simulateFlags) add(cmd *cobra.Command) {
	c, flags := &f.config, cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&c.Nodes, "nodes", c.Nodes, "number of Nym-APIs")
	flags.IntVar(&c.Mixnodes, "mixnodes", c.Mixnodes, "number of rewarded mixnodes; 375 give reports of 3 kB")
	flags.IntVar(&c.Epochs, "epochs", c.Epochs, "number of epochs")
	flags.DurationVar(&c.Epoch, "epoch", c.Epoch, "length of an epoch, in virtual time")
	flags.StringVar(&f.latency, "latency", c.Latency.String(), "one-way delays: wan (measured round trips, halved), uniform, heavy, or one delay for all links, such as 50ms")
	flags.StringVar(&f.adversary, "adversary", "", "number of Byzantine Nym-APIs of each kind, such as equivocate=10,silent=5; they report zeros")
	flags.DurationVar(&c.Exchange, "exchange", c.Exchange, "interval at which a member sends its frontier while it changes (default: 1s)")
	flags.Uint64Var(&c.Seed, "seed", c.Seed, "random seed")
	flags.DurationVar(&f.find, "find", 0, "search random short days for violations instead, for this long, such as 30m")
	flags.StringSliceVar(&f.availability, "availability", nil, "compute the epochs lost instead, if each Nym-API is online for these shares of the time, such as .95,.99,.999")
	flags.StringVar(&f.out, "out", "", "folder for the figures (SVG) and summary.json")
	flags.IntVar(&f.growth, "growth", simulate.MostGrown, "largest group that is simulated for the growth figures, 0 for none; formulas continue to 1000")
	flags.BoolVar(&f.json, "json", false, "print only JSON on standard output")
}

func (f *simulateFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	var err error
	switch {
	case f.find < 0:
		return command.Usage("--find %s: expected how long to search; give --find 30m", f.find)
	case f.find > 0 && (f.availability != nil || f.out != ""):
		return command.Usage("--find: expected without --availability and --out; remove those")
	case f.growth < 0 || f.growth > simulate.MostGrown:
		return command.Usage("--growth %d: expected 0 to %d Nym-APIs; give --growth %d", f.growth, simulate.MostGrown, simulate.MostGrown)
	case f.find > 0:
		return f.search(ctx, stdout, stderr)
	case f.availability != nil:
		return f.computeAvailability(stdout)
	}
	if f.config.Latency, err = simulate.ParseLatency(f.latency); err != nil {
		return err
	}
	if f.config.Adversaries, err = simulate.ParseAdversaries(f.adversary); err != nil {
		return err
	}
	if err := f.config.Validate(); err != nil {
		return err
	}
	if err := f.makeFolder(); err != nil {
		return err
	}
	for _, warning := range f.config.Warnings() {
		fmt.Fprintln(stderr, paragraph.Wrap("Note: "+warning))
	}
	return f.day(ctx, stdout, stderr)
}

// makeFolder creates the folder of --out, so that a wrong one is noticed before hours of work.
func (f *simulateFlags) makeFolder() error {
	if f.out == "" {
		return nil
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return command.Usage("--out: create the folder: %w; give a writable folder", err)
	}
	return nil
}

// day simulates a day and prints it.
func (f *simulateFlags) day(ctx context.Context, stdout, stderr io.Writer) error {
	debug.SetGCPercent(400) // simulations allocate much that lives briefly
	bar := simulate.NewProgress(stderr, terminal.Is(stderr))
	day, err := simulate.Run(f.config, bar.Advance, func() bool { return ctx.Err() != nil })
	bar.Close()
	if err != nil {
		return err
	}
	summary := day.Summary()
	if f.out != "" {
		if err := f.write(ctx, day, summary); err != nil {
			return err
		}
	}
	if f.json {
		err = summary.WriteJSON(stdout)
	} else {
		err = day.WriteText(stdout, summary)
	}
	switch {
	case err != nil:
		return err
	case summary.Violated > 0:
		return errViolation
	case ctx.Err() != nil:
		return errInterrupted
	}
	return nil
}

// write writes summary.json and the figures into the folder of --out.
func (f *simulateFlags) write(ctx context.Context, day simulate.Day, summary simulate.Summary) error {
	var content bytes.Buffer
	if err := summary.WriteJSON(&content); err != nil {
		return err
	}
	if err := writeFigure(f.out, "summary.json", content.Bytes()); err != nil {
		return err
	}
	if summary.Blocks == 0 {
		return nil // there is nothing to draw
	}
	grown, err := simulate.Grow(f.config, f.growth, func() bool { return ctx.Err() != nil })
	if err != nil {
		return err
	}
	for _, figure := range day.Figures(grown) {
		content.Reset()
		if err := figure.Chart.WriteSVG(&content); err != nil {
			return err
		}
		if err := writeFigure(f.out, figure.Name, content.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// search runs random days for the duration of --find and reports violations.
func (f *simulateFlags) search(ctx context.Context, stdout, stderr io.Writer) error {
	debug.SetGCPercent(400) // simulations allocate much that lives briefly
	bar, start := simulate.NewProgress(stderr, terminal.Is(stderr)), time.Now()
	found := simulate.Find(ctx, f.config.Seed, f.find, func(done int) { bar.Searched(done, time.Since(start), f.find) })
	bar.Close()
	report := simulate.ReportFound
	if f.json {
		report = simulate.WriteFoundJSON
	}
	if err := report(stdout, found); err != nil {
		return err
	}
	switch {
	case len(found.Found) > 0:
		return errViolation
	case ctx.Err() != nil:
		return errInterrupted
	}
	return nil
}
