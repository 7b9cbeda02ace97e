// Command bench-cometbft compares a round of Ephemera with the same round of CometBFT, whose
// consensus orders everything and elects a proposer. `make bench-cometbft` calls it.
//
// In a round each of n members contributes one report of 3 KB, and it ends when every member has
// delivered all reports: with Ephemera as n certified blocks that hold all n of them, with CometBFT
// as transactions in committed blocks. Both run in this process on loopback, with signed votes that
// are durable before they are sent. Runs of the two alternate, and the ratio is that of each pair.
//
// CometBFT is tuned for short rounds: it waits for no late votes after a commit, makes no empty
// blocks, and gossips every 2 ms instead of 100 ms, flushing connections after 1 ms.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench-cometbft:", err)
		os.Exit(1)
	}
}

// reportBytes is the size of a report: 240 mixnodes of an epoch.
const reportBytes = 3000

// warm is how many rounds of each run are not measured.
const warm = 3

// patience bounds the start of a cluster, and a round.
const patience = 2 * time.Minute

// cluster is n members that broadcast reports.
type cluster interface {
	// round makes each member contribute one report, and returns when all have delivered all. The
	// reports of different rounds differ.
	round(ctx context.Context, number int) error
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench-cometbft", flag.ContinueOnError)
	sizes := flags.String("n", "4,10,20", "comma-separated numbers of members")
	rounds := flags.Int("rounds", 20, "measured rounds of a run")
	pairs := flags.Int("pairs", 5, "how often both run in turn")
	only := flags.String("only", "", "run one system once, in this process, and print its figures as JSON: ephemera or cometbft")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || *pairs < 1 {
		return errors.New("-rounds and -pairs are at least 1")
	}
	var numbers []int
	for size := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(size))
		if err != nil || n < 1 || n > 100 {
			return fmt.Errorf("-n is %q, expected numbers from 1 to 100, separated by commas", *sizes)
		}
		numbers = append(numbers, n)
	}
	if *only != "" {
		start, ok := systems[*only]
		if !ok {
			return fmt.Errorf("-only is %q, expected ephemera or cometbft", *only)
		}
		measured, err := measure(ctx, start, numbers[0], *rounds)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(measured)
	}
	return compare(ctx, numbers, *rounds, *pairs, out)
}

// systems are those that are compared.
var systems = map[string]func(ctx context.Context, dir string, n int) (cluster, error){"ephemera": newEphemera, "cometbft": newComet}

// compare runs both systems in turn, each run in a process of its own, and prints a row for each
// number of members.
func compare(ctx context.Context, numbers []int, rounds, pairs int, out io.Writer) error {
	fmt.Fprintf(out, "%d cores, %s; medians of %d pairs of runs of %d rounds, reports of %d bytes\n\n", runtime.NumCPU(), runtime.Version(), pairs, rounds, reportBytes)
	fmt.Fprintf(out, "%4s  %22s  %22s  %9s  %9s\n", "", "Ephemera", "CometBFT", "ratio of", "ratio of")
	fmt.Fprintf(out, "%4s  %10s %11s  %10s %11s  %9s  %9s\n", "n", "p50", "CPU a node", "p50", "CPU a node", "p50", "CPU")
	for _, n := range numbers {
		runs := map[string][]figures{}
		for range pairs {
			for _, system := range []string{"ephemera", "cometbft"} {
				measured, err := child(ctx, system, n, rounds)
				if err != nil {
					return fmt.Errorf("%s with %d members: %w", system, n, err)
				}
				runs[system] = append(runs[system], measured)
			}
		}
		printRow(out, n, runs["ephemera"], runs["cometbft"])
	}
	return nil
}

// child runs one system in a process of its own: CometBFT's goroutines outlive its nodes.
func child(ctx context.Context, system string, n, rounds int) (measured figures, err error) {
	dir, err := os.MkdirTemp("", "bench-cometbft-")
	if err != nil {
		return figures{}, fmt.Errorf("make a folder for the members: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program, err := os.Executable()
	if err != nil {
		return figures{}, err
	}
	command := exec.CommandContext(ctx, program, "-only", system, "-n", strconv.Itoa(n), "-rounds", strconv.Itoa(rounds))
	command.Env, command.Stderr = append(os.Environ(), "TMPDIR="+dir), os.Stderr
	answer, err := command.Output()
	if err != nil {
		return figures{}, err
	}
	return measured, json.Unmarshal(answer, &measured)
}

// figures are those of one run.
type figures struct {
	P50 time.Duration // of a round
	CPU time.Duration // of the process, for each member and round
}

func printRow(out io.Writer, n int, ours, theirs []figures) {
	p50 := func(f figures) float64 { return milliseconds(f.P50) }
	cpu := func(f figures) float64 { return milliseconds(f.CPU) }
	fmt.Fprintf(out, "%4d  %7.1f ms %8.2f ms  %7.1f ms %8.2f ms  %8.2fx  %8.2fx\n", n,
		middle(ours, p50), middle(ours, cpu), middle(theirs, p50), middle(theirs, cpu), ratio(theirs, ours, p50), ratio(theirs, ours, cpu))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// middle returns the median of a figure over the runs.
func middle(runs []figures, of func(figures) float64) float64 {
	values := make([]float64, len(runs))
	for i, f := range runs {
		values[i] = of(f)
	}
	return median(values)
}

// ratio returns the median over the pairs of runs of a figure of the first divided by that of the
// second.
func ratio(above, below []figures, of func(figures) float64) float64 {
	values := make([]float64, len(above))
	for i := range above {
		values[i] = of(above[i]) / of(below[i])
	}
	return median(values)
}

// median returns the middle value, or the mean of the two in the middle. It sorts the values.
func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// measure starts a cluster in the folder for temporary files and runs rounds. The end of the
// process stops the cluster.
func measure(ctx context.Context, start func(context.Context, string, int) (cluster, error), n, rounds int) (figures, error) {
	starting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := start(starting, os.TempDir(), n)
	if err != nil {
		return figures{}, fmt.Errorf("start: %w", err)
	}
	var times []time.Duration
	var before time.Duration
	for number := range warm + rounds {
		if number == warm {
			before = cpu()
		}
		began := time.Now()
		if err := one(ctx, c, number); err != nil {
			return figures{}, fmt.Errorf("round %d: %w", number+1, err)
		}
		if number >= warm {
			times = append(times, time.Since(began))
		}
	}
	spent := cpu() - before
	slices.Sort(times)
	return figures{P50: times[len(times)/2], CPU: spent / time.Duration(n*rounds)}, nil
}

func one(ctx context.Context, c cluster, number int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.round(ctx, number)
}

// cpu returns the processor time of this process so far.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it never fails for oneself
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
