// Command nymapi runs simulated Nym-APIs. What a Nym-API does: package nymapi; how one is put together: package service.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract/command"
	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// version is set by the linker.
var version = "unknown"

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
	exitHalted  = 78 // something was signed with our key that we do not know of: do not restart
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out a command and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var usage *command.UsageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage), errors.Is(err, service.ErrConfig):
		fmt.Fprintf(stderr, "nymapi: %v\nSee: %s --help\n", err, cmd.CommandPath())
		return exitUsage
	case errors.Is(err, errInterrupted):
		fmt.Fprintf(stderr, "nymapi: %v\n", err)
		return exitInterrupted
	case errors.Is(err, ephemera.ErrHalted):
		fmt.Fprintf(stderr, "nymapi: %v\n", err)
		return exitHalted
	default:
		fmt.Fprintf(stderr, "nymapi: %v\n", err)
		return exitFailure
	}
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
