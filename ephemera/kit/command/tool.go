package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// Tool runs a program for developers, which has no subcommands, with the arguments of the process,
// and exits. Signals end it as they end a Program. The exit status is ExitInterrupted if a signal
// came before run returned, whatever run returned, ExitUsage for a UsageError, and ExitFailure for
// another error.
func Tool(name string, run func(ctx context.Context, args []string, out io.Writer) error) {
	ctx := signalled()
	err := run(ctx, os.Args[1:], os.Stdout)
	os.Exit(toolStatus(ctx, name, err, os.Stderr))
}

func toolStatus(ctx context.Context, name string, err error, stderr io.Writer) int {
	var usage *UsageError
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "%s: %s\n", name, interrupted(err))
		return ExitInterrupted
	case err == nil:
		return 0
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	if errors.As(err, &usage) {
		return ExitUsage
	}
	return ExitFailure
}

// interrupted is the text for what a signal ended before it was finished.
func interrupted(err error) string {
	if err == nil {
		return "interrupted"
	}
	return "interrupted: " + err.Error()
}
