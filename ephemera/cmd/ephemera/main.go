// Command ephemera runs a node, and everything around it: its folder and keys, a network to try,
// questions to running nodes, and certificates that are checked with no node at all. What a node
// does: package daemon; the protocol: docs/PROTOCOL.md.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// version is set by the linker.
var version = "unknown"

func main() { program().Main() }

// program returns the command with its subcommands.
func program() command.Program {
	return command.Program{Root: newRoot(), Version: version, Explain: explain}
}

// explain says how the program ends with an error.
func explain(err error) command.Outcome {
	switch {
	case errors.Is(err, settings.ErrConfig):
		return command.Outcome{Status: command.ExitUsage}
	case errors.Is(err, ephemera.ErrHalted):
		return command.Outcome{
			Status: command.ExitHalted,
			Advice: "Another node runs with this key, or its folder was put back from a copy: find and stop the other one first, see docs/EPHEMERA.md",
		}
	case errors.Is(err, syscall.ECONNREFUSED):
		return command.Outcome{Advice: "Is the node running? `ephemera run` starts it; --url and --home say which one is asked"}
	}
	return command.Outcome{}
}

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
		PersistentPreRunE: func(*cobra.Command, []string) error { return c.check() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.home, "home", defaultHome(), "the node's folder; also EPHEMERA_HOME")
	flags.StringVar(&c.config, "config", "", "configuration file (default HOME/config/config.toml)")
	flags.StringVarP(&c.output, "output", "o", "text", "text or json")
	root.AddCommand(
		newInit(c), newRun(c), newTestnet(c), newKeys(c), newStatus(c), newSubmit(c), newQuery(c), newBlocks(c), newCertificate(c), newConfig(c),
		newPeers(c), newExport(c), newImport(c), newVersion(c),
	)
	return root
}

func (c *cli) check() error {
	if c.output != "text" && c.output != "json" {
		return command.Usage("--output %q, expected text or json", c.output)
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
