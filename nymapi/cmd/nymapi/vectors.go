package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	scenarios "github.com/ephemera-go/nym-rewarding/contract/performance/vectors"
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
		Short: "Check estimators and performance contract against another program's examples",
		Long: `Check the estimators, or the rules of Nym's performance contract, against files
of examples that another program made, and print how many of their expectations
are met. The exit status is 1 if one is not.

A file with "scenarios" is about the performance contract, in the format of
contract/performance/vectors/testdata, and any other about the estimators, in
that of metrics/vectors/testdata. The packages of these folders describe them.`,
		Example: `  nymapi vectors metrics/vectors/testdata/*.json
  nymapi vectors contract/performance/vectors/testdata/*.json`,
		Args: cobra.MinimumNArgs(1),
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
		outcome, err := checkExamples(data)
		if err != nil {
			return command.Usage("%s: %v", path, err)
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
		return errors.New("this program does not agree with the examples")
	}
	return nil
}

// checkExamples checks a file of either kind.
func checkExamples(data []byte) (vectors.Outcome, error) {
	check, folder := vectors.Check, "metrics/vectors/testdata"
	if scenarios.Is(data) {
		check, folder = scenarios.Check, "contract/performance/vectors/testdata"
	}
	outcome, err := check(data)
	if err != nil {
		return outcome, fmt.Errorf("%w; give a file like those in %s", err, folder)
	}
	return outcome, nil
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
