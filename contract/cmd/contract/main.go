// Command contract is the simulated smart contract: it serves it, shows and audits what it decided,
// and copies its database. The contract itself is package server; what it decides by is package
// verify.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out a command and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return command.Execute(ctx, newRoot(), args, stdout, stderr, nil)
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
