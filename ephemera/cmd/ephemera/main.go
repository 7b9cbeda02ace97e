// Command ephemera runs a node and provides everything around it: the node's folder and keys, a
// network to try, queries of running nodes, and the verification of certificates without a node.
// Package daemon is the node, and docs/PROTOCOL.md describes the protocol.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/store"
)

// version is set by the linker.
var version = "unknown"

func main() { program().Main() }

// program returns the command with its subcommands.
func program() command.Program {
	variables := append(settings.Variables(), "EPHEMERA_HOME", "EPHEMERA_URL", "EPHEMERA_TOKEN_FILE")
	return command.Program{Root: newRoot(), Version: version, Variables: variables, Halts: true, Explain: explain, Damaged: damaged}
}

// damaged says what to do about a damaged store. Package home notices that the votes are gone.
const damaged = `The file is damaged. If it is the node's store, move ephemera.sqlite with its -wal
and -shm, or the folder ephemera.pebble, out of HOME/data. Leave key, marker and
votes there, and start again: the node fetches the blocks from other members, and
signs nothing more in groups up to the present one. See docs/EPHEMERA.md.`

// explain says how the program ends with an error.
func explain(err error) command.Outcome {
	var ended *nodeError
	switch {
	case errors.Is(err, settings.ErrConfig):
		return command.Outcome{Status: command.ExitUsage}
	case errors.Is(err, ephemera.ErrHalted):
		return command.Outcome{
			Status: command.ExitHalted,
			Advice: "Another node runs with this key, or the folder was restored from a copy: find and stop the other node first, see docs/EPHEMERA.md",
		}
	case errors.As(err, &ended) && errors.Is(err, store.ErrCorrupt):
		return command.Outcome{Advice: damaged}
	case ended != nil:
	case errors.Is(err, syscall.ECONNREFUSED):
		return command.Outcome{Text: noAnswer(err)}
	}
	return command.Outcome{}
}

// noAnswer returns the text for a connection that was refused, or "" if err does not name a node.
func noAnswer(err error) string {
	var request *url.Error
	if !errors.As(err, &request) {
		return ""
	}
	node, parseErr := url.Parse(request.URL)
	if parseErr != nil {
		return ""
	}
	return fmt.Sprintf("no node answers at %s://%s: connection refused (start it with `ephemera run`, or select another node with --url or --home)",
		node.Scheme, node.Host)
}

// cli holds the flags that all commands share.
type cli struct {
	home, config string
	output       string
	tokenFile    string // of commands that connect to a node
}

func newRoot() *cobra.Command {
	c := &cli{}
	root := &cobra.Command{
		Use:   "ephemera",
		Short: "Certified broadcast of signed messages in a known group",
		Long: `Certified broadcast of signed messages in a known group: a node and everything
around it.

Two commands create a network to try and run it:
  ephemera testnet --nodes 4 --dir net
  ephemera testnet --dir net --run`,
		PersistentPreRunE: func(*cobra.Command, []string) error { return c.check() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.home, "home", defaultHome(), "folder of the node; also EPHEMERA_HOME")
	flags.StringVar(&c.config, "config", "", "configuration file (default HOME/config/config.toml)")
	flags.StringVarP(&c.output, "output", "o", "text", "format of the result: text or json")
	root.AddCommand(
		newInit(c), newRun(c), newTestnet(c), newKeys(c), newStatus(c), newSubmit(c), newQuery(c), newBlocks(c), newCertificate(c), newEvidence(c), newConfig(c),
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

// print writes a result to standard output: the value as JSON, or what text writes.
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
