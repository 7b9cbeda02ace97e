package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/archive"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// stopped returns the configuration with which Export and Import open a stopped node.
func (c *cli) stopped(cmd *cobra.Command) (daemon.Config, error) {
	if err := c.initialised(); err != nil {
		return daemon.Config{}, err
	}
	s, _, err := c.load(nil)
	if err != nil {
		return daemon.Config{}, err
	}
	logger, err := newLogger(cmd.ErrOrStderr(), s.Log)
	return daemon.Config{Folder: c.folder(), Settings: s, Stores: stores(), Logger: logger}, err
}

func newExport(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "export FILE",
		Short: "Write the certified blocks of a stopped node, with groups and certificates, to a file",
		Long: `Write the certified blocks of a stopped node, with groups and certificates, to a
new file; - is standard output. The key and the votes are not exported: a node
that is restored from older votes could sign twice.

A block that is damaged in the store is named and left out, and the command ends
with status 1; the file holds the rest. A running node fetches such a block from
other members when it reads it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := c.stopped(cmd)
			if err != nil {
				return err
			}
			var incomplete *archive.IncompleteError
			if args[0] == "-" {
				_, err := daemon.Export(cmd.Context(), config, cmd.OutOrStdout())
				return err
			}
			file, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return fmt.Errorf("export: %w", err)
			}
			summary, err := daemon.Export(cmd.Context(), config, file)
			if err == nil || errors.As(err, &incomplete) {
				err = file.Sync()
			}
			if closed := file.Close(); err == nil {
				err = closed
			}
			if err != nil {
				_ = os.Remove(args[0]) // an incomplete archive is of no use
				return fmt.Errorf("export to %s: %w", args[0], err)
			}
			if incomplete != nil {
				err = fmt.Errorf("export to %s: %w", args[0], incomplete)
			}
			return errors.Join(err, c.print(cmd, summary, func(w io.Writer) {
				fmt.Fprintf(w, "exported %s of %s to %s\n", counted(summary.Blocks, "block"), counted(summary.Groups, "group"), args[0])
			}))
		},
	}
}

func newImport(c *cli) *cobra.Command {
	var groups []string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Verify a file of certified blocks and import those that a stopped node lacks",
		Long: `Verify a file of certified blocks, written by "ephemera export", and import those
that a stopped node lacks; - is standard input. Blocks are accepted from groups
that the node knows from its store or its list of members, and from groups that
--group names.

A block that is damaged in the file is named and left out, and the command ends
with status 1; the rest is imported.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringSliceVar(&groups, "group", nil, "ID of another group that you trust")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids := make([]membership.ID, len(groups))
		for i, text := range groups {
			if err := ids[i].UnmarshalText([]byte(text)); err != nil {
				return command.Usage("--group: %w", err)
			}
		}
		config, err := c.stopped(cmd)
		if err != nil {
			return err
		}
		in, err := openInput(cmd, args[0])
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		defer in.Close()
		summary, err := daemon.Import(cmd.Context(), config, in, ids...)
		var incomplete *archive.IncompleteError
		if err != nil && !errors.As(err, &incomplete) {
			return fmt.Errorf("import from %s, after %s: %w", args[0], counted(summary.Blocks, "block"), err)
		}
		if err != nil {
			err = fmt.Errorf("import from %s: %w", args[0], err)
		}
		return errors.Join(err, c.print(cmd, summary, func(w io.Writer) {
			fmt.Fprintf(w, "imported %s and %s; already there: %s\n", counted(summary.Blocks, "block"), counted(summary.Groups, "new group"), counted(summary.Known, "block"))
		}))
	}
	return cmd
}
