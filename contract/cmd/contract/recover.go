package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

func newRecover() *cobra.Command {
	var db, home string
	var accepted int64
	cmd := &cobra.Command{
		Use: "recover", Short: "Continue with an older database after the newest was lost",
		Long: `Continue with an older database, or with a new one, after the newest was lost.

The file contract.db.marker, next to the database, says which epoch the contract
settled last. The contract does not start with a database that lacks that epoch.
If the newest database still exists, put it back instead, with its marker.

Without --accept-loss the command changes nothing and says what is lost. With it
the contract may decide those epochs again, and sign a second receipt for an
epoch whose first receipt others hold, which they can prove: see contract
compare-receipts. The old marker is kept under another name. Nym-APIs report
nothing after another history than the one that they know, until they are started
with --accept-history.`,
		Example: `  contract recover --home /data
  contract recover --home /data --accept-loss 17`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("accept-loss") && accepted < 0 {
				return command.Usage("--accept-loss %d, expected the number of an epoch", accepted)
			}
			if db == "" {
				db = filepath.Join(home, databaseName)
			}
			return recoverDatabase(cmd, db, accepted)
		},
	}
	cmd.Flags().StringVar(&home, "home", ".", "the contract's folder")
	cmd.Flags().StringVar(&db, "db", "", "database, if it is not contract.db in --home")
	cmd.Flags().Int64Var(&accepted, "accept-loss", -1, "newest epoch that the contract has settled, as this command shows it")
	return cmd
}

var errNotAccepted = errors.New("nothing was changed")

func recoverDatabase(cmd *cobra.Command, db string, accepted int64) error {
	out := cmd.OutOrStdout()
	kept, err := store.Recover(cmd.Context(), db, func(loss store.Loss) error {
		fmt.Fprintln(out, loss.Reason)
		switch {
		case accepted == int64(loss.Settled):
			return nil
		case accepted < 0:
			explainLoss(out, db, loss)
			return errNotAccepted
		}
		return fmt.Errorf("%w: --accept-loss %d, but the newest settled epoch is %d", errNotAccepted, accepted, loss.Settled)
	})
	if errors.Is(err, store.ErrNothingLost) {
		fmt.Fprintf(out, "%s: %v; nothing was changed\n", db, store.ErrNothingLost)
		return nil
	}
	if err != nil {
		return err
	}
	if kept != "" {
		fmt.Fprintf(out, "the old marker is now %s\n", kept)
	}
	fmt.Fprintf(out, "the contract continues with %s\n", db)
	return nil
}

func explainLoss(out io.Writer, db string, loss store.Loss) {
	fmt.Fprintf(out, `
newest settled epoch:           %d
newest settled in the database: %d

If the newest database still exists, put it and its marker back. If it is lost:
  contract recover --db %s --accept-loss %d
The contract may then sign a second receipt for every epoch up to %d.
`, loss.Settled, loss.Stored, db, loss.Settled, loss.Settled)
}
