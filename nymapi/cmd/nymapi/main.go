// Command nymapi runs simulated Nym-APIs. Package nymapi says what a Nym-API does, package service
// puts one together.
package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// version is set by the linker.
var version = "unknown"

func main() { program().Main() }

// run carries out a command and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return program().Run(ctx, args, nil, stdout, stderr)
}

func program() command.Program {
	root := &cobra.Command{
		Use:   "nymapi",
		Short: "Simulated Nym-APIs that decide together how mixnodes are rewarded",
		Long: `Simulated Nym-APIs: they measure mixnodes and submit results to the simulated
contract, one alone or many with Ephemera.

Every flag can also be set by an environment variable: --home-slots by
NYMAPI_HOME_SLOTS. A flag takes precedence. A misspelt variable is an error.`,
	}
	root.AddCommand(
		newRun(), newEnrol(), newCompare(), newExperiment(), newShadow(), newSimulate(), newVectors(),
		newPerformance(), newFetch(), newHealth(),
	)
	return command.Program{Root: root, Version: version, Environment: true, Halts: true, Explain: explain, Damaged: damaged}
}

const damaged = `A file is damaged; the error above names it. Move it with its -wal and -shm out of
the folder, but leave key, marker and votes there, and start again. Without
samples.sqlite, the measurements of this epoch are lost; without nymapi.sqlite,
what was not settled yet. Without ephemera.sqlite, the node signs nothing more in
groups up to the present one. See docs/EPHEMERA.md.`

// explain says how the program ends with an error.
func explain(err error) command.Outcome {
	switch {
	case errors.Is(err, service.ErrConfig):
		return command.Outcome{Status: command.ExitUsage, Help: true}
	case errors.Is(err, errInterrupted):
		return command.Outcome{Status: command.ExitInterrupted}
	case errors.Is(err, ephemera.ErrHalted):
		return command.Outcome{Status: command.ExitHalted}
	case errors.Is(err, store.ErrCorrupt):
		return command.Outcome{Advice: damaged}
	}
	return command.Outcome{}
}
