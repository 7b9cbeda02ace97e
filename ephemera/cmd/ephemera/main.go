// Command ephemera runs a node, and everything around it: its folder and keys, a network to try,
// questions to running nodes, and certificates that are checked with no node at all. What a node
// does: package daemon; the protocol: docs/PROTOCOL.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
)

// version is set by the linker.
var version = "unknown"

// Exit statuses.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitHalted      = 78 // something was signed with our key that we do not know of: do not restart
	exitInterrupted = 130
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		for first := time.Now(); ; {
			<-signals // a second one does not wait; but some programs send one to the process and to its group
			if time.Since(first) > 200*time.Millisecond {
				os.Exit(exitInterrupted)
			}
		}
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run carries out a command and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "ephemera: %v\nSee: %s --help\n", err, cmd.CommandPath())
		return exitUsage
	case errors.Is(err, settings.ErrConfig):
		fmt.Fprintf(stderr, "ephemera: %v\n", err)
		return exitUsage
	case errors.Is(err, ephemera.ErrHalted):
		fmt.Fprintf(stderr, "ephemera: %v\nAnother node runs with this key, or its folder was put back from a copy: find and stop the other one first, see docs/EPHEMERA.md\n", err)
		return exitHalted
	case errors.Is(err, syscall.ECONNREFUSED):
		fmt.Fprintf(stderr, "ephemera: %v\nIs the node running? `ephemera run` starts it; --url and --home say which one is asked\n", err)
		return exitFailure
	default:
		fmt.Fprintf(stderr, "ephemera: %v\n", err)
		return exitFailure
	}
}

// usageError is a command line that cannot be carried out.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// cli is what all commands share.
type cli struct {
	home, config string
	output       string
	tokenFile    string // of commands that ask a node
}

func newRoot() *cobra.Command {
	c := &cli{}
	root := &cobra.Command{
		Use:   "ephemera",
		Short: "Certified broadcast of signed messages in a known group",
		Long: `Certified broadcast of signed messages in a known group: a node and everything around it.

A network to try, in two commands:
  ephemera testnet --nodes 4 --dir net
  ephemera testnet --dir net --run`,
		SilenceUsage: true, SilenceErrors: true, Version: version,
		Args:              cobra.ArbitraryArgs, // so that an unknown command is a usage error below, with a suggestion
		PersistentPreRunE: func(*cobra.Command, []string) error { return c.check() },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.home, "home", defaultHome(), "the node's folder; also EPHEMERA_HOME")
	flags.StringVar(&c.config, "config", "", "configuration file (default HOME/config/config.toml)")
	flags.StringVarP(&c.output, "output", "o", "text", "text or json")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(
		newInit(c), newRun(c), newTestnet(c), newKeys(c), newStatus(c), newSubmit(c), newQuery(c), newBlocks(c), newCertificate(c), newConfig(c),
		newPeers(c), newExport(c), newImport(c), newVersion(c),
	)
	prepare(root)
	return root
}

// prepare makes wrong arguments usage errors, in every command.
func prepare(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		check := sub.Args
		if sub.HasSubCommands() {
			sub.Args = cobra.ArbitraryArgs
			sub.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return unknownCommand(cmd, args[0])
				}
				return cmd.Help()
			}
		} else {
			if check == nil {
				check = cobra.NoArgs
			}
			sub.Args = func(cmd *cobra.Command, args []string) error {
				if err := check(cmd, args); err != nil {
					return usage("%s: %w", cmd.CommandPath(), err)
				}
				return nil
			}
		}
		prepare(sub)
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2
	if meant := cmd.SuggestionsFor(name); len(meant) > 0 {
		return usage("%s has no command %q, did you mean %q?", cmd.CommandPath(), name, meant[0])
	}
	return usage("%s has no command %q", cmd.CommandPath(), name)
}

func (c *cli) check() error {
	if c.output != "text" && c.output != "json" {
		return usage("--output %q, expected text or json", c.output)
	}
	return nil
}

// print writes a result to standard output: value as JSON, or what text writes.
func (c *cli) print(cmd *cobra.Command, value any, text func(w io.Writer)) error {
	var buffer strings.Builder
	if c.output == "json" {
		encoder := json.NewEncoder(&buffer)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	} else {
		text(&buffer)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), buffer.String())
	return err
}
