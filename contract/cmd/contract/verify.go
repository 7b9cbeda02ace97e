package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/terminal"
)

var (
	errFailed    = errors.New("checks failed; the output names them")
	errUnchecked = errors.New("not all that was asked for could be checked")
)

type verifyFlags struct {
	url, db, group, key, epoch string
	json                       bool
}

func newVerify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify BUNDLE…", Short: "Check epochs as somebody who trusts none of the machines",
		Long: `Check the evidence of settled epochs, offline: signatures, the certificate, the
matrix of reports, every uptime that was paid, and the contract's receipts and
records. The checks are numbered, and each shows what it found.

BUNDLE is a file, or a folder with files: the core of an epoch, which holds how
it was settled, and its annex, which holds what else the contract received. Files
are recognised by their content. With several epochs, each is also compared with
those before it. In a folder, no epoch between the first and the last may be
missing. With --url, the evidence is that of a running contract, with --db that
of a database, and from epoch 1 on.

The author of the evidence may have made up all of it. Give the group and the
contract's key that you know from elsewhere with --group and --contract-key.

BUNDLE may also be an evidence file against somebody, as Nym-APIs write them, or
a folder of such files. A file holds two reports, headers, certificates or
receipts of which the culprit may sign one. Then the command says what it proves
and against whom, and the exit status is 0 only if every file proves something
against this group, or this contract.

The exit status is 1 if a check fails. It is 3 if none fails, but something that
was asked for could not be checked: an epoch that is not settled, or one that was
paid on the word of a single Nym-API. A check that only needs evidence that was
not given, such as other epochs or an annex, changes nothing about it.`,
		Example: `  contract verify bundles --group group --contract-key contract.key
  contract verify epoch-7.core epoch-7.annex --group group --contract-key contract.key
  contract verify --url http://127.0.0.1:8080 --epoch 7
  contract verify --db contract.db --json
  contract verify data/1/evidence --group group --contract-key contract.key`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notEmpty(cmd, "group", "contract-key", "url", "db", "epoch"); err != nil {
				return err
			}
			return f.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "address of a running contract")
	flags.StringVar(&f.db, "db", "", "database of a contract")
	flags.StringVar(&f.epoch, "epoch", "", "only this epoch of --url or --db")
	flags.StringVar(&f.group, "group", "", groupHelp)
	flags.StringVar(&f.key, "contract-key", "", contractKeyHelp)
	flags.BoolVar(&f.json, "json", false, "print JSON: the summary, and all checks of each epoch")
	return cmd
}

// notEmpty refuses flags that are given without a value, as by a variable of the shell that is not
// set: what should be compared with a trusted copy would be compared with nothing.
func notEmpty(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
			return command.Usage("--%s is empty: give a value, or leave the flag out", name)
		}
	}
	return nil
}

func (f verifyFlags) run(ctx context.Context, args []string, out, progress io.Writer) error {
	config, err := f.trusted()
	if err != nil {
		return err
	}
	only, err := f.only(args)
	if err != nil {
		return err
	}
	switch {
	case f.url != "":
		c, err := newClient("--url", f.url)
		if err != nil {
			return err
		}
		defer c.Close()
		e, err := fromURL(ctx, c, only)
		if err != nil {
			return err
		}
		return f.verify(ctx, e, config, out, progress)
	case f.db != "":
		reader, err := store.OpenReader(ctx, f.db)
		if err != nil {
			return err
		}
		defer reader.Close()
		e, err := fromDatabase(ctx, reader, f.db, only, config.Names)
		if err != nil {
			return err
		}
		return f.verify(ctx, e, config, out, progress)
	}
	files, err := accusing(args)
	if err != nil {
		return err
	}
	against, err := areEvidence(files)
	if err != nil {
		return err
	}
	if against {
		return f.judge(files, out)
	}
	e, err := fromFiles(args)
	if err != nil {
		return err
	}
	return f.verify(ctx, e, config, out, progress)
}

// only checks that the flags name one kind of evidence, and returns the epoch that was asked for, 0
// for all.
func (f verifyFlags) only(args []string) (contract.Epoch, error) {
	given := 0
	for _, is := range []bool{len(args) > 0, f.url != "", f.db != ""} {
		if is {
			given++
		}
	}
	switch {
	case given == 0:
		return 0, command.Usage("nothing to verify, expected files, a folder, --url or --db")
	case given > 1:
		return 0, command.Usage("files, --url and --db exclude each other: give one of them")
	case f.epoch == "":
		return 0, nil
	case len(args) > 0:
		return 0, command.Usage("--epoch needs --url or --db: of files, give only those of that epoch")
	}
	epoch, err := contract.ParseEpoch(f.epoch)
	if err != nil {
		return 0, command.Usage("--epoch %q, expected a number from 1", f.epoch)
	}
	return epoch, nil
}

func (f verifyFlags) trusted() (config check.Config, err error) {
	if config.Group, config.Names, err = trustedGroup(f.group); err != nil {
		return config, err
	}
	config.Contract, err = trustedKey(f.key)
	return config, err
}

// verified is what --json prints.
type verified struct {
	Summary check.Summary  `json:"summary"`
	Epochs  []check.Report `json:"epochs"`
}

// verify checks the evidence and prints what it found.
func (f verifyFlags) verify(ctx context.Context, e evidence, config check.Config, out, progress io.Writer) error {
	if e.epochs == 0 {
		return fmt.Errorf("%w: no epoch is settled at %s", errUnchecked, e.source)
	}
	result, err := e.check(ctx, config, f.json || e.epochs == 1, progress)
	if err != nil {
		return err
	}
	s := result.Summary
	switch {
	case f.json:
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(result)
	case e.epochs == 1:
		_, err = fmt.Fprintf(out, "%s\n%s", result.Epochs[0].Text(), s.Closing())
	default:
		_, err = fmt.Fprintf(out, "%s\n%s", s.Text(), s.Closing())
	}
	switch {
	case err != nil:
		return err
	case s.Failed > 0:
		return errFailed
	case s.Incomplete > 0:
		return fmt.Errorf("%w; the output says why", errUnchecked)
	}
	return nil
}

// check verifies all epochs. It keeps what was found about each only if it is wanted.
func (e evidence) check(ctx context.Context, config check.Config, keep bool, progress io.Writer) (verified, error) {
	if len(config.Names) == 0 {
		config.Names = e.names
	}
	config.Consecutive, config.First = e.consecutive, e.first
	verifier, shown := check.New(config), newProgress(progress, e.epochs)
	defer shown.end()
	result := verified{Epochs: []check.Report{}}
	for bundle, err := range e.all {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return result, err
		}
		if err := config.CheckKey(bundle); err != nil {
			return result, command.Usage("--contract-key: %w (%s)", err, publicKeyHint)
		}
		if report := verifier.Next(bundle); keep {
			result.Epochs = append(result.Epochs, report)
		}
		shown.step()
	}
	result.Summary = verifier.Summary()
	return result, ctx.Err()
}

// progress shows on a terminal how many epochs are done. Elsewhere it shows nothing.
type progress struct {
	out       io.Writer // nil if it is not a terminal
	done, all int
	shown     time.Time
}

func newProgress(out io.Writer, all int) *progress {
	if !terminal.Is(out) {
		out = nil
	}
	return &progress{out: out, all: all}
}

func (p *progress) step() {
	const interval = 200 * time.Millisecond
	if p.done++; p.out != nil && time.Since(p.shown) >= interval {
		p.shown = time.Now()
		fmt.Fprintf(p.out, "\rchecked %d of %d epochs", p.done, p.all)
	}
}

// end removes the line.
func (p *progress) end() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
