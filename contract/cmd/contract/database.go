package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
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
		Long: `Recompute every settled epoch from its evidence, offline: signatures,
certificates, the matrix of reports, the result, carried values, the contract's
receipts, the tables that show who won, reported and signed when, and the chain of
records, in which the contract signed how each epoch was settled. The exit status
is 1 if an epoch fails, is missing, or was not settled as its record says.

A database alone cannot show that the contract signed another receipt before. The
audit also fails with --proof, a proof of that which a Nym-API wrote.`,
		Example: `  contract audit --db contract.db
  contract audit --db contract.db --proof data/1/equivocation-epoch-17.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return audit(cmd.Context(), db, proofs, cmd.OutOrStdout())
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

func audit(ctx context.Context, db string, proofs []string, out io.Writer) error {
	reader, path, err := openDatabase(ctx, db)
	if err != nil {
		return err
	}
	defer reader.Close()
	if _, err := io.WriteString(out, otherDatabase(db)); err != nil {
		return err
	}
	owner, err := reader.Identity(ctx)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	epochs, err := reader.Settled(ctx)
	if err != nil {
		return fmt.Errorf("audit %s: %w", path, err)
	}
	var auditor verify.Auditor
	proven, unproven, missed, failed := 0, 0, 0, 0
	for _, epoch := range epochs {
		audited, err := auditEpoch(ctx, reader, &auditor, owner.Key, epoch)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failed++
			fmt.Fprintf(out, "epoch %d: %v\n", epoch, err)
		case audited.Record.Status == contract.StatusMissed:
			missed++
		case audited.Proven():
			proven++
		default:
			unproven++
		}
	}
	fmt.Fprintf(out, "%s: %d settled epochs: %d proven by signed reports, %d unproven, %d missed, %d failed\n",
		path, len(epochs), proven, unproven, missed, failed)
	err = auditProofs(owner.Key, proofs, out)
	if failed > 0 {
		err = errors.Join(errAudit, err)
	}
	return err
}

// auditEpoch audits the next settled epoch of the contract with that key.
func auditEpoch(ctx context.Context, reader *store.Reader, auditor *verify.Auditor, key keys.Public, epoch contract.Epoch) (verify.Audited, error) {
	record, err := reader.Record(ctx, epoch)
	if errors.Is(err, store.ErrNotFound) {
		return verify.Audited{}, fmt.Errorf("%w: its record is missing", verify.ErrMismatch)
	}
	if err != nil {
		return verify.Audited{}, err
	}
	bundle, err := reader.Bundle(ctx, epoch)
	if errors.Is(err, store.ErrNotFound) { // it was missed, or its winner was removed
		var d contract.Description
		if d, err = reader.Description(ctx, epoch); err == nil {
			bundle.Description = d.Encode()
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return verify.Audited{}, fmt.Errorf("%w: its description is missing", verify.ErrMismatch)
	}
	if err != nil {
		return verify.Audited{}, err
	}
	audited, err := auditor.Next(record, bundle)
	if err != nil {
		return audited, err
	}
	if d := audited.Description; d.ContractKey != key || d.Epoch != epoch {
		return audited, fmt.Errorf("%w: evidence of epoch %d of contract %s", verify.ErrMismatch, d.Epoch, d.ContractKey)
	}
	shown, err := reader.Epoch(ctx, epoch)
	if err != nil {
		return audited, err
	}
	if err := audited.Describes(shown); err != nil {
		return audited, err
	}
	return audited, reader.CheckReports(ctx, epoch, audited.Matrix, audited.Reporters)
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
			if !strings.Contains(address, "://") {
				address = "http://" + address
			}
			c, err := client.New(address, nil)
			if err != nil {
				return command.Usage("--url: %w", err)
			}
			defer c.Close()
			return c.Ready(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&address, "url", "http://127.0.0.1:8080", "address of the contract")
	return cmd
}
