// Command search tries to break the broadcast. It runs random schedules of package simulation on
// all cores, and prints the first violations, shrunk, with the command that replays each. Its last
// line counts the schedules, also after SIGINT or SIGTERM. Its exit status is 1 if any schedule
// failed, 2 for wrong flags, and 130 after a signal.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation"
	"github.com/ephemera-go/nym-rewarding/ephemera/simulation/realstore"
)

func main() { command.Tool("search", run) }

// errViolation reports that a promise was broken.
var errViolation = errors.New("the protocol broke a promise")

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("search", flag.ContinueOnError)
	var (
		minutes     = flags.Float64("minutes", 0, "how long to search; 0: until -schedules have run")
		schedules   = flags.Int("schedules", 0, "how many schedules to run; 0: as many as -minutes allows")
		seed        = flags.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the first schedule; the following ones use the next seeds")
		low         = flags.Int("min", 4, "smallest number of members")
		high        = flags.Int("max", 13, "largest number of members")
		adversaries = flags.String("adversaries", "", "comma-separated adversaries to choose from; default all: "+strings.Join(simulation.Adversaries(), ","))
		beyond      = flags.Int("beyond", 0, "Byzantine members beyond f, to see the protocol break")
		stop        = flags.Int("stop", 4, "end after this many violations")
		noshrink    = flags.Bool("noshrink", false, "print failing schedules without shrinking them")
		replay      = flags.String("replay", "", "run one schedule, given as a line of JSON, and print its trace")
		profile     = flags.String("cpuprofile", "", "write a CPU profile to this file")
	)
	if err := flags.Parse(args); err != nil {
		return &command.UsageError{Err: err}
	}
	if *profile != "" {
		file, err := os.Create(*profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return errors.Join(err, file.Close())
		}
		defer func() {
			pprof.StopCPUProfile()
			err = errors.Join(err, file.Close())
		}()
	}
	if *replay != "" {
		return replaySchedule(*replay, out)
	}
	if *minutes <= 0 && *schedules <= 0 {
		return command.Usage("nothing to search: set -minutes or -schedules")
	}
	search := simulation.Search{
		Seed: *seed, Schedules: *schedules, Time: time.Duration(*minutes * float64(time.Minute)),
		Stop: *stop, NoShrink: *noshrink,
		Range:   simulation.Range{MinNodes: *low, MaxNodes: *high, Beyond: *beyond},
		Options: realstore.Options,
	}
	if *adversaries != "" {
		search.Range.Adversaries = strings.Split(*adversaries, ",")
	}
	if err := search.Range.Validate(); err != nil {
		return &command.UsageError{Err: err}
	}
	start := time.Now()
	search.Progress = func(done int) {
		if done%10_000 == 0 {
			fmt.Fprintf(out, "%d schedules in %s\n", done, time.Since(start).Round(time.Second))
		}
	}
	debug.SetGCPercent(800) // worlds are short-lived
	summary := search.Run(ctx)
	for _, found := range summary.Found {
		if err := found.Report(out); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d events, %d crashes, %d blocks certified, %.0f schedules a second\n%s\n",
		summary.Events, summary.Crashes, summary.Blocks, float64(summary.Schedules)/time.Since(start).Seconds(), summary)
	if len(summary.Found) > 0 {
		return errViolation
	}
	return nil
}

func replaySchedule(text string, out io.Writer) error {
	schedule, err := simulation.Parse(text)
	if err != nil {
		return err
	}
	options := realstore.Options(schedule)
	options.Trace = out
	result, err := simulation.Run(schedule, options)
	if err != nil {
		return err
	}
	for _, v := range result.Violations {
		fmt.Fprintf(out, "violation of %s\n", v)
	}
	fmt.Fprintf(out, "trace hash: %016x\n", result.Hash)
	if len(result.Violations) > 0 {
		return errViolation
	}
	return nil
}
