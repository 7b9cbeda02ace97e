package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

func newRun(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the node until it is stopped",
		Long: `Run the node until it is stopped. After SIGINT or SIGTERM it finishes what is
under way and ends within ten seconds with status 0; a second signal ends it at
once with status 130. Status 78 means that something was signed with the node's
key that its store does not know: do not start it again before you know why.`,
		Example: `  ephemera run --home net/node-1
  EPHEMERA_HTTP__LISTEN=127.0.0.1:0 ephemera run --log.level debug`,
	}
	given := settingFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := c.initialised(); err != nil {
			return err
		}
		s, _, err := c.load(given)
		if err != nil {
			return err
		}
		logger, err := newLogger(cmd.ErrOrStderr(), s.Log)
		if err != nil {
			return err
		}
		quietLibraries(logger)
		slog.SetDefault(logger)
		command.LimitMemory(int64(s.Limits.MemoryBytes))
		err = daemon.Run(cmd.Context(), daemon.Config{
			Folder: c.folder(), Settings: s, Version: version, Stores: stores(), Logger: logger,
		})
		if err != nil {
			return &nodeError{err}
		}
		return nil
	}
	return cmd
}

// nodeError is why a node ended. A refused connection in it is not that of a client.
type nodeError struct{ err error }

func (e *nodeError) Error() string { return e.err.Error() }
func (e *nodeError) Unwrap() error { return e.err }

func newPeers(c *cli) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use: "peers", Short: "List the members of the newest group, whether they are online, and why not",
	}
	connects(c, cmd, &url)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		node, err := c.connect(url)
		if err != nil {
			return err
		}
		group, err := node.QueryBroadcastGroup(cmd.Context(), newest)
		if err != nil {
			return err
		}
		return c.print(cmd, group.Members, func(w io.Writer) {
			table := newTable(w)
			fmt.Fprintln(table, "NAME\tPEER ID\tONLINE\tADDRESSES\tWHY NOT")
			for _, m := range group.Members {
				fmt.Fprintf(table, "%s\t%s\t%t\t%s\t%s\n", m.Name, m.PeerID, m.Online, list(m.Addresses), m.Absence)
			}
			table.end()
		})
	}
	return cmd
}
