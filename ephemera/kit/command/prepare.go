package command

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/spelling"
)

// prepare completes the root command: wrong command lines are UsageErrors in every command, flags
// come from the environment if the program wants that, and there is a command that prints the
// version.
func (p Program) prepare() {
	root, check := p.Root, p.Root.PersistentPreRunE
	root.Long = cmp.Or(root.Long, root.Short) + "\n\n" + p.statuses()
	root.SilenceUsage, root.SilenceErrors, root.Version = true, true, p.Version
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		prefix := strings.ToUpper(root.Name()) + "_"
		if err := p.checkVariables(cmd, prefix); err != nil {
			return err
		}
		if p.Environment {
			if err := fromEnvironment(cmd, prefix); err != nil {
				return err
			}
		}
		if check == nil {
			return nil
		}
		return check(cmd, args)
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &UsageError{explained(err)} })
	if !slices.ContainsFunc(root.Commands(), func(cmd *cobra.Command) bool { return cmd.Name() == "version" }) {
		root.AddCommand(newVersion(root.Name(), p.Version))
	}
	checkArguments(root)
}

// statuses returns the exit statuses as the help shows them. docs/EPHEMERA.md has the same table.
func (p Program) statuses() string {
	var table strings.Builder
	table.WriteString("Exit status:")
	row := func(status int, meaning string) { fmt.Fprintf(&table, "\n  %-3d  %s", status, meaning) }
	row(0, "success; a program that runs until it is stopped: SIGINT or SIGTERM")
	row(ExitFailure, "failure, with an error message; a check: the answer is no")
	row(ExitUsage, "wrong command line or configuration")
	if p.Unchecked {
		row(ExitUnchecked, "verify: nothing failed, but not all that was asked for could be checked")
	}
	if p.Halts {
		row(ExitHalted, "safety halt: do not start it again before you know the cause")
	}
	row(ExitInterrupted, "a signal ended it before it was finished, or a second signal")
	return table.String()
}

func newVersion(name, version string) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), name, version)
			return err
		},
	}
}

// checkArguments makes wrong arguments UsageErrors, in a command and those below it. A command
// takes no argument unless it says otherwise.
func checkArguments(cmd *cobra.Command) {
	if !cmd.HasSubCommands() {
		cmd.Args = usageOf(cmd.Args)
		return
	}
	cmd.Args = cobra.ArbitraryArgs // an unknown command arrives as an argument
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return cmd.Help()
	}
	for _, sub := range cmd.Commands() {
		checkArguments(sub)
	}
}

func usageOf(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case check == nil && len(args) > 0:
			return Usage("%s takes no argument, got %q", cmd.CommandPath(), args[0])
		case check == nil:
			return nil
		}
		if err := check(cmd, args); err != nil {
			return Usage("%s: %w", cmd.CommandPath(), err)
		}
		return nil
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2
	if meant := cmd.SuggestionsFor(name); len(meant) > 0 {
		return Usage("%s has no command %q, did you mean %q?", cmd.CommandPath(), name, meant[0])
	}
	return Usage("%s has no command %q", cmd.CommandPath(), name)
}

// explained says what was expected of a flag's value that cannot be parsed, instead of how the
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

// checkVariables returns an error if a variable of the environment looks like a known one, and
// reports other unknown ones. A variable for a flag of another command is known.
func (p Program) checkVariables(cmd *cobra.Command, prefix string) error {
	known := slices.Clone(p.Variables)
	if p.Environment {
		known = append(known, flagVariables(p.Root, prefix)...)
	}
	if len(known) == 0 {
		return nil
	}
	var misspelt []error
	for _, unknown := range spelling.Unknown(os.Environ(), prefix, known) {
		if unknown.Meant != "" {
			misspelt = append(misspelt, unknown)
			continue
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: warning: %s, it has no effect\n", p.Root.Name(), unknown)
	}
	if len(misspelt) > 0 {
		return &UsageError{errors.Join(misspelt...)}
	}
	return nil
}

// flagVariables returns the variables of the flags of a command and those below it.
func flagVariables(cmd *cobra.Command, prefix string) []string {
	var names []string
	add := func(f *pflag.Flag) { names = append(names, variable(prefix, f)) }
	cmd.Flags().VisitAll(add)
	cmd.PersistentFlags().VisitAll(add)
	for _, sub := range cmd.Commands() {
		names = append(names, flagVariables(sub, prefix)...)
	}
	return names
}

func variable(prefix string, f *pflag.Flag) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// fromEnvironment sets flags that are not given from variables whose names begin with the prefix.
func fromEnvironment(cmd *cobra.Command, prefix string) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := variable(prefix, f)
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
