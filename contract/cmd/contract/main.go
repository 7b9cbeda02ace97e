// Command contract is the simulated smart contract: it serves it, shows and audits what it decided,
// and copies its database. The contract itself is package server; package verify decides which
// submissions are justified.
package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
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
		Use:   "contract",
		Short: "The simulated smart contract that rewards mixnodes",
		Long: `The simulated smart contract: it keeps epochs, members and the first valid
result of each epoch.

Every flag can also be set by an environment variable: --accept-epochs by
CONTRACT_ACCEPT_EPOCHS. A flag takes precedence. A misspelt variable is an error.`,
	}
	root.AddCommand(newServe(), newInspect(), newVerify(), newAudit(), newBackup(), newRecover(), newCompareReceipts(), newHealth())
	return command.Program{Root: root, Version: version, Environment: true, Damaged: damaged, Unchecked: true, Explain: explain}
}

func explain(err error) command.Outcome {
	if errors.Is(err, errUnchecked) {
		return command.Outcome{Status: command.ExitUnchecked}
	}
	return command.Outcome{}
}

const damaged = `The file is damaged. If it is the database, move it with its -wal and -shm out of
the folder, put the newest copy that "contract backup" made in its place, and run
"contract recover", which says what the copy lacks.`
