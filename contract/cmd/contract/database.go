package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// comparedDatabase is the contract's database of the newest comparison of one Nym-API with many.
var comparedDatabase = filepath.Join("results", "latest", "ephemera", databaseName)

const databaseHelp = "database; default: ./contract.db, else that of the newest comparison, results/latest"

// openDatabase opens the database at path, or at one of the default paths.
func openDatabase(ctx context.Context, path string) (*store.Reader, string, error) {
	if path != "" {
		reader, err := store.OpenReader(ctx, path)
		return reader, path, err
	}
	for _, path := range []string{databaseName, comparedDatabase} {
		reader, err := store.OpenReader(ctx, path)
		if !errors.Is(err, fs.ErrNotExist) {
			return reader, path, err
		}
	}
	return nil, "", fmt.Errorf("neither ./%s nor %s exists; name the database with --db", databaseName, comparedDatabase)
}

// otherDatabase returns lines that say which of the databases at the default paths openDatabase
// takes, and which is newer. It returns "" if path is given or there is only one.
func otherDatabase(path string) string {
	taken, err := written(databaseName)
	if path != "" || err != nil {
		return ""
	}
	other, err := written(comparedDatabase)
	if err != nil {
		return ""
	}
	age := "older"
	if other.After(taken) {
		age = "newer"
	}
	return fmt.Sprintf("./%s, written %s, is shown\n%s, written %s: --db %s\n",
		databaseName, taken.UTC().Format(time.DateTime), age, other.UTC().Format(time.DateTime), comparedDatabase)
}

// written returns when a database was last written.
func written(path string) (time.Time, error) {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}, err
	}
	at := info.ModTime()
	if log, err := os.Stat(path + "-wal"); err == nil && log.ModTime().After(at) {
		at = log.ModTime()
	}
	return at, nil
}

func newBackup() *cobra.Command {
	var db, home, to string
	cmd := &cobra.Command{
		Use: "backup", Short: "Copy the database, even while the contract runs",
		Example: `  contract backup --home /data --to contract.db
  docker compose exec -T contract contract backup --home /data --to - > contract.db`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return command.Usage("--to is missing, expected a file, or - for standard output")
			}
			if db == "" {
				db = filepath.Join(home, databaseName)
			}
			return backup(cmd.Context(), db, to, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&home, "home", ".", "the contract's folder")
	cmd.Flags().StringVar(&db, "db", "", "database, if it is not contract.db in --home")
	cmd.Flags().StringVar(&to, "to", "", "file to write or replace; - is standard output")
	return cmd
}

func backup(ctx context.Context, db, to string, stdout io.Writer) (err error) {
	reader, err := store.OpenReader(ctx, db)
	if err != nil {
		return err
	}
	defer reader.Close()
	if to != "-" {
		return reader.Backup(ctx, to)
	}
	// Next to the database, the only folder that a container may write to.
	folder, err := os.MkdirTemp(filepath.Dir(db), ".backup-*")
	if err != nil {
		return fmt.Errorf("back up to standard output: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	partial := filepath.Join(folder, databaseName)
	if err := reader.Backup(ctx, partial); err != nil {
		return err
	}
	file, err := os.Open(partial)
	if err != nil {
		return fmt.Errorf("back up to standard output: %w", err)
	}
	defer file.Close()
	if _, err := io.Copy(stdout, file); err != nil {
		return fmt.Errorf("back up to standard output: %w", err)
	}
	return nil
}

func newAudit() *cobra.Command {
	var db string
	var proofs []string
	cmd := &cobra.Command{
		Use: "audit", Short: "Recompute every settled epoch from its evidence",
		Long: `Recompute every settled epoch from its evidence, offline: all that "contract
verify --db" checks, of a database whose own key is trusted. It names what fails,
warnings, and how many epochs are proven. The exit status is 1 if an epoch fails,
is missing, or was not settled as its record says, and 3 if no epoch is settled.

A database alone cannot show that the contract signed another receipt before. The
audit also fails with --proof, a proof of that which a Nym-API wrote.`,
		Example: `  contract audit --db contract.db
  contract audit --db contract.db --proof data/1/equivocation-epoch-17.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return audit(cmd.Context(), db, proofs, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&db, "db", "", databaseHelp)
	cmd.Flags().StringArrayVar(&proofs, "proof", nil, "equivocation-epoch-N.json of a Nym-API: two receipts of the contract for one epoch; may be repeated")
	return cmd
}

var (
	errAudit        = errors.New("the evidence does not prove every epoch; the output names those that failed")
	errEquivocation = errors.New("the contract signed two receipts for one epoch; the output shows them")
)

func audit(ctx context.Context, db string, proofs []string, out, progress io.Writer) error {
	reader, path, err := openDatabase(ctx, db)
	if err != nil {
		return err
	}
	defer reader.Close()
	if _, err := io.WriteString(out, otherDatabase(db)); err != nil {
		return err
	}
	e, err := fromDatabase(ctx, reader, path, 0, nil)
	if err != nil {
		return err
	}
	owner, err := reader.Identity(ctx)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if e.epochs == 0 {
		if err := auditProofs(owner.Key, proofs, out); err != nil {
			return err
		}
		return fmt.Errorf("%w: no epoch is settled at %s", errUnchecked, path)
	}
	result, err := e.check(ctx, check.Config{Contract: owner.Key}, false, progress)
	if err != nil {
		return err
	}
	s := result.Summary
	for _, d := range s.Deviations {
		where := d.Source // without a description that says which epoch it is
		if d.Epoch != 0 {
			where = fmt.Sprintf("epoch %d", d.Epoch)
		}
		fmt.Fprintf(out, "%s: %s, %s: %s\n", where, d.Name, d.Outcome, d.Value)
	}
	fmt.Fprintf(out, "%s: %d settled epochs: %d proven by signed reports, %d unproven, %d missed, %d failed\n",
		path, s.Epochs, s.Proven, s.Unproven, s.Missed, s.Failed)
	err = auditProofs(owner.Key, proofs, out)
	if s.Failed > 0 {
		err = errors.Join(errAudit, err)
	}
	return err
}

// auditProofs returns errEquivocation if there is a proof against the contract with that key.
// Another error means that one of the files proves nothing against it.
func auditProofs(key keys.Public, paths []string, out io.Writer) error {
	for _, path := range paths {
		receipts, err := readReceipts(path)
		if err == nil && len(receipts) != 2 {
			err = fmt.Errorf("%s has one receipt, expected two", path)
		}
		if err == nil {
			err = showEquivocation(out, key, receipts[0], receipts[1])
		}
		if err != nil {
			return fmt.Errorf("--proof: %w", err)
		}
	}
	if len(paths) > 0 {
		return errEquivocation
	}
	return nil
}

func newHealth() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use: "health", Short: "Exit with 0 if the contract answers, and with 1 otherwise",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient("--url", address)
			if err != nil {
				return err
			}
			defer c.Close()
			return c.Ready(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&address, "url", "http://127.0.0.1:8080", "address of the contract")
	return cmd
}
