// Command contract is the simulated smart contract: it serves it, shows and audits what it decided, and copies its database. The
// contract itself is package server; what it decides by is package verify.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract/command"
)

// version is set by the linker.
var version = "unknown"

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
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
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "contract: %v\nSee: %s --help\n", err, cmd.CommandPath())
		return exitUsage
	default:
		fmt.Fprintf(stderr, "contract: %v\n", err)
		return exitFailure
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "contract",
		Short: "The simulated smart contract that rewards mixnodes",
		Long: `The simulated smart contract: it keeps epochs, members and the first valid result of each epoch.

Every flag can also be given as an environment variable: --accept-epochs is CONTRACT_ACCEPT_EPOCHS. Flags win.`,
	}
	root.AddCommand(newServe(), newInspect(), newAudit(), newBackup(), newHealth())
	command.Prepare(root, version)
	return root
}

// newLogger returns what logs to stderr in a format and from a level on.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, command.Usage("--log-level %q, expected debug, info, warn or error", level)
	}
	options.Level = least
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &options)), nil
	default:
		return nil, command.Usage("--log-format %q, expected text or json", format)
	}
}
