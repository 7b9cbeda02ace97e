package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/metrics/vectors"
)

// mostVectorBytes bounds a file of examples.
const mostVectorBytes = 64 << 20

// shownFailures is how many failures of a file are printed.
const shownFailures = 10

func newVectors() *cobra.Command {
	return &cobra.Command{
		Use:   "vectors FILE...",
		Short: "Check the estimators against files of examples that another program made",
		Long: `Check the estimators against files of examples that another program made, and
print how many of their expectations are met. The exit status is 1 if one is not.
The format is that of metrics/vectors/testdata; see the package metrics/vectors.`,
		Example: "  nymapi vectors metrics/vectors/testdata/*.json",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return checkVectors(args, cmd.OutOrStdout())
		},
	}
}

func checkVectors(paths []string, out io.Writer) error {
	failed := 0
	for _, path := range paths {
		data, err := readVectors(path)
		if err != nil {
			return command.Usage("%v", err)
		}
		outcome, err := vectors.Check(data)
		if err != nil {
			return command.Usage("%s: %v; give a file as metrics/vectors/testdata has them", path, err)
		}
		failed += len(outcome.Failures)
		fmt.Fprintf(out, "%s: %d of %d fit\n", path, outcome.Checked-len(outcome.Failures), outcome.Checked)
		for i, failure := range outcome.Failures {
			if i == shownFailures {
				fmt.Fprintf(out, "  and %d more\n", len(outcome.Failures)-i)
				break
			}
			fmt.Fprintf(out, "  %s\n", failure)
		}
	}
	if failed > 0 {
		return errors.New("the estimators do not agree with the examples")
	}
	return nil
}

func readVectors(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; give the path of a file of examples", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, mostVectorBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; give the path of a file of examples", path, err)
	}
	if len(data) > mostVectorBytes {
		return nil, fmt.Errorf("%s has more than %d bytes; split it", path, mostVectorBytes)
	}
	return data, nil
}
