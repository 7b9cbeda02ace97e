package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/terminal"
	"github.com/ephemera-go/nym-rewarding/nymapi/simulate"
)

var errViolation = errors.New("a promise was broken; see above")

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
		Short: "Simulate a day of many Nym-APIs in virtual time, look for violations, or compute how many to run",
		Long: `Simulate a day of many Nym-APIs in virtual time: the broadcast that ships, with a simulated network, application and contract.
One process, no sockets, no disk; the same seed gives the same day.

With --find random short days with faults and adversaries are run on all cores for that long. With --availability nothing is
simulated but who is up: the epochs lost against N, exactly and drawn.

Exit status: 0, 1 when a promise was broken, 2 for flags that cannot be used, 130 after Ctrl-C.`,
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
	flags.IntVar(&c.Nodes, "nodes", c.Nodes, "Nym-APIs")
	flags.IntVar(&c.Mixnodes, "mixnodes", c.Mixnodes, "rewarded mixnodes; 375 make reports of 3 kB")
	flags.IntVar(&c.Epochs, "epochs", c.Epochs, "epochs to simulate")
	flags.DurationVar(&c.Epoch, "epoch", c.Epoch, "length of an epoch, in virtual time")
	flags.StringVar(&f.latency, "latency", c.Latency.String(), "one-way delays: wan (measured round trips, halved), uniform, heavy, or one for every link such as 50ms")
	flags.StringVar(&f.adversary, "adversary", "", "Byzantine Nym-APIs, such as equivocate=10,silent=5; their reports are zeros")
	flags.DurationVar(&c.Exchange, "exchange", c.Exchange, "between two frontiers of a member while something changes (default: 1s)")
	flags.Uint64Var(&c.Seed, "seed", c.Seed, "of everything random")
	flags.DurationVar(&f.find, "find", 0, "look for violations in random short days for so long instead, such as 30m")
	flags.StringSliceVar(&f.availability, "availability", nil, "compute epochs lost instead, when each Nym-API is up such shares of the time: .95,.99,.999")
	flags.StringVar(&f.out, "out", "", "folder for figures (SVG) and summary.json")
	flags.IntVar(&f.growth, "growth", simulate.MostGrown, "largest group that is simulated for the figures of growth, 0 for none; formulas go on to 1000")
	flags.BoolVar(&f.json, "json", false, "print JSON on standard output and nothing else")
}

func (f *simulateFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	var err error
	switch {
	case f.find < 0:
		return command.Usage("--find %s: expected how long to look; give --find 30m", f.find)
	case f.find > 0 && (f.availability != nil || f.out != ""):
		return command.Usage("--find: expected without --availability and --out; remove those")
	case f.growth < 0 || f.growth > simulate.MostGrown:
		return command.Usage("--growth %d: expected 0 to %d Nym-APIs; give --growth %d", f.growth, simulate.MostGrown, simulate.MostGrown)
	case f.find > 0:
		return f.look(ctx, stdout, stderr)
	case f.availability != nil:
		return f.whichN(stdout)
	}
	if f.config.Latency, err = simulate.ParseLatency(f.latency); err != nil {
		return &command.UsageError{Err: err}
	}
	if f.config.Adversaries, err = simulate.ParseCast(f.adversary); err != nil {
		return &command.UsageError{Err: err}
	}
	if err := f.config.Validate(); err != nil {
		return &command.UsageError{Err: err}
	}
	for _, warning := range f.config.Warnings() {
		fmt.Fprintln(stderr, "Note:", warning)
	}
	return f.day(ctx, stdout, stderr)
}

// day simulates a day and shows it.
func (f *simulateFlags) day(ctx context.Context, stdout, stderr io.Writer) error {
	debug.SetGCPercent(400) // what is simulated is garbage soon
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
		return nil // nothing took any time
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

// look looks for violations.
func (f *simulateFlags) look(ctx context.Context, stdout, stderr io.Writer) error {
	debug.SetGCPercent(400) // what is simulated is garbage soon
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
