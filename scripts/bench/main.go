// Command bench runs the benchmarks of every module and prints the machine, the command and the
// median of each figure, so that a result that is quoted somewhere says what it was measured on.
// `make bench` calls it.
//
// It compares nothing: to compare two versions, keep the outputs of `go test` and use benchstat.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// longest is how long the benchmarks of one package may take. Rounds of 100 nodes take minutes.
const longest = "4h"

// run measures and prints the table to out. The output of `go test` goes to progress.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	root := flags.String("root", ".", "folder of go.work")
	pattern := flags.String("bench", ".", "regular expression of the benchmarks to run")
	count := flags.Int("count", 5, "number of runs of each; the median is printed")
	benchtime := flags.String("benchtime", "1s", "time or number of iterations (100x) of each run")
	short := flags.Bool("short", false, "leave out what takes minutes")
	if err := flags.Parse(args); err != nil {
		return err
	}

	command := []string{"go", "test", "-run", "^$", "-bench", *pattern, "-benchmem", "-count", strconv.Itoa(*count), "-benchtime", *benchtime, "-timeout", longest}
	if *short {
		command = append(command, "-short")
	}
	command = append(command, "work")
	fmt.Fprintf(out, "machine: %s\ncommand: %s\n", machine(), strings.Join(command, " "))

	test := exec.CommandContext(ctx, command[0], command[1:]...)
	test.Dir = *root
	test.Env = append(os.Environ(), "GOWORK=")
	test.Stderr = progress
	pipe, err := test.StdoutPipe()
	if err != nil {
		return fmt.Errorf("read the output of go test: %w", err)
	}
	if err := test.Start(); err != nil {
		return fmt.Errorf("run %s: %w", strings.Join(command, " "), err)
	}
	// If one package fails, the figures of the others are still printed.
	results, err := parse(io.TeeReader(pipe, progress))
	_, _ = io.Copy(progress, pipe) // what a line that is too long has left; go test would wait forever
	err = errors.Join(err, write(out, results))
	if failure := test.Wait(); failure != nil {
		return fmt.Errorf("%s: %w", strings.Join(command, " "), failure)
	}
	return err
}

// machine describes what the figures are measured on.
func machine() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s/%s, %s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}
