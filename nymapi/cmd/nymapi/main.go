// Command nymapi runs simulated Nym-APIs. What a Nym-API does: package nymapi; how one is put
// together: package service.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// version is set by the linker.
var version = "unknown"

// Exit statuses beside those of package command.
const (
	exitHalted      = 78  // something was signed with our key that we do not know of: do not restart
	exitInterrupted = 130 // a signal ended a comparison before it was finished
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out a command and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return command.Execute(ctx, newRoot(), args, stdout, stderr, func(err error) int {
		switch {
		case errors.Is(err, service.ErrConfig):
			return command.ExitUsage
		case errors.Is(err, errInterrupted):
			return exitInterrupted
		case errors.Is(err, ephemera.ErrHalted):
			return exitHalted
		}
		return 0
	})
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "nymapi",
		Short: "Simulated Nym-APIs that decide together how mixnodes are rewarded",
		Long: `Simulated Nym-APIs: they measure mixnodes and submit results to the simulated contract, one alone or many with Ephemera.

Every flag can also be given as an environment variable: --home-slots is NYMAPI_HOME_SLOTS. Flags win.`,
	}
	root.AddCommand(newRun(), newEnrol(), newCompare(), newSimulate(), newHealth())
	command.Prepare(root, version)
	return root
}
