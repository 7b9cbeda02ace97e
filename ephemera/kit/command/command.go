// Package command is what the commands contract and nymapi have in common: they take flags and no
// arguments, flags come from the environment too, tokens come from files as well, logs look alike,
// and a wrong command line is told apart from a failure.
//
// The package is unstable: it is public only because the modules of this repository share it.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// UsageError is a command line that cannot be carried out.
type UsageError struct{ Err error }

func (u *UsageError) Error() string { return u.Err.Error() }
func (u *UsageError) Unwrap() error { return u.Err }

// Usage returns a UsageError.
func Usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Exit statuses; a program may have more.
const (
	ExitFailure = 1
	ExitUsage   = 2
)

// Execute runs a root command with these arguments and returns the exit status. Errors go to
// stderr, a UsageError with a hint at the help. Status may be nil, or tells the program's own
// statuses: 0 where an error has none.
func Execute(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer, status func(error) int) int {
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "%s: %v\n", root.Name(), err)
	own := 0
	if status != nil {
		own = status(err)
	}
	var usage *UsageError
	if errors.As(err, &usage) || own == ExitUsage {
		fmt.Fprintf(stderr, "See: %s --help\n", cmd.CommandPath())
		return ExitUsage
	}
	return cmp.Or(own, ExitFailure)
}

// Prepare completes a root command that has its subcommands: it adds the one that prints the
// version. Flags that are not given are set from variables named after the root, such as
// NYMAPI_HOME_SLOTS for --home-slots of nymapi.
func Prepare(root *cobra.Command, version string) {
	root.SilenceUsage, root.SilenceErrors, root.Version = true, true, version
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		return fromEnvironment(cmd, strings.ToUpper(root.Name())+"_")
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &UsageError{explained(err)} })
	root.AddCommand(&cobra.Command{
		Use: "version", Short: "Print the version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), root.Name(), version)
			return err
		},
	})
	for _, cmd := range append(root.Commands(), root) {
		cmd.Args = noArguments
	}
}

// explained says what was expected where a flag's value cannot be parsed, instead of how the
// parsing failed.
func explained(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	flag := invalid.GetFlag()
	expected, known := map[string]string{
		"int": "a whole number", "uint64": "a whole number from 0", "float64": "a number", "duration": "a number with its unit", "bool": "true or false",
	}[flag.Value.Type()]
	if !known {
		return err
	}
	return fmt.Errorf("invalid argument %q for %q: expected %s, such as --%s=%s", invalid.GetValue(), "--"+flag.Name, expected, flag.Name, flag.DefValue)
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usage("%s takes no argument, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// fromEnvironment sets flags that are not given from variables whose names begin with the prefix.
func fromEnvironment(cmd *cobra.Command, prefix string) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := prefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, set := os.LookupEnv(name)
		if !set || f.Changed || failed != nil || f.Name == "help" || f.Name == "version" {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			failed = Usage("environment variable %s: %w", name, explained(err))
		}
	})
	return failed
}
