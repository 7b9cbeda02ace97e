package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/answers"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/records"
)

// again evaluates the results of an earlier experiment.
func (f *experimentFlags) again(cmd *cobra.Command) error {
	var other string
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if flag.Name != "from" && flag.Name != "out" {
			other = flag.Name
		}
	})
	if other != "" {
		return command.Usage("--from: nothing is played, so --%s has no meaning; remove it", other)
	}
	if info, err := os.Stat(f.from); f.from == "" || err == nil && !info.Mode().IsRegular() {
		return command.Usage("--from: expected a file of results, got %q; give the results.csv of an experiment", f.from)
	}
	out := f.out
	if out == "" {
		out = filepath.Dir(f.from)
	}
	err := answer(f.from, out, cmd.OutOrStdout())
	if errors.Is(err, records.ErrFormat) || errors.Is(err, answers.ErrResults) || errors.Is(err, os.ErrNotExist) {
		return command.Usage("--from: %w", err)
	}
	return err
}

// answer evaluates a file of results, writes the page and the figures into a folder, and prints the
// answer.
func answer(results, folder string, stdout io.Writer) error {
	file, err := os.Open(results)
	if err != nil {
		return fmt.Errorf("open results: %w", err)
	}
	defer file.Close()
	all, err := records.Read(file)
	if err != nil {
		return err
	}
	a, err := answers.New(all)
	if err != nil {
		return err
	}
	if err := a.Write(folder); err != nil {
		return err
	}
	if err := a.WriteText(stdout); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "\nAll figures: %s\nEvery cell and seed: %s\n", filepath.Join(folder, "index.html"), results)
	return err
}
