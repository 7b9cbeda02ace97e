package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
	"github.com/ephemera-go/nym-rewarding/nymapi/results"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow"
)

// Formats of standard output.
const (
	formatText = "text"
	formatJSON = "json"
	formatCSV  = "csv"
)

// shadowFlags are the flags of `nymapi shadow`.
type shadowFlags struct {
	config shadow.Config
	until  string
	out    string
	format string
}

func newShadow() *cobra.Command {
	f := &shadowFlags{config: shadow.Default()}
	cmd := &cobra.Command{
		Use:   "shadow",
		Short: "Score the measurements of a real Nym-API by each rule, and show how much submitters disagree",
		Long: `Score the measurements in the database of a real Nym-API by each rule, and show
how much their submitters disagree. The submitters take the part of Nym-APIs.

The database is only read, also while a Nym-API uses it. The results are written
to a folder: index.html, summary.json, and scores.csv with the score of each
node, epoch and rule.

Exit status: 0 on success, 1 if the database cannot be read or holds nothing to
read, 2 for invalid flags, 130 after a signal.`,
		Example: `  nymapi shadow --db ~/.nym/nym-api/data/db.sqlite
  nymapi shadow --db copy.sqlite --kind stress --window 48h --format json
  nymapi shadow --db copy.sqlite --window 48h --epoch 24h --estimator wmedian`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.add(cmd)
	return cmd
}

func (f *shadowFlags) add(cmd *cobra.Command) {
	c, flags := &f.config, cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&c.Database, "db", "", "database of a Nym-API (SQLite), or a copy of it")
	flags.StringVar(&c.Kind, "kind", "", "liveness or stress: monitor v3; v1: monitor v1 (default: the first of these that the file has)")
	flags.DurationVar(&c.Window, "window", c.Window, "how much to read, up to the newest measurement")
	flags.DurationVar(&c.Epoch, "epoch", 0, "length of an epoch, of which the window is a multiple (default: 1h, for stress 4h)")
	flags.StringVar(&f.until, "until", "", "end of the window, such as 2026-11-30T12:00:00Z (default: right after the newest measurement)")
	flags.StringVar(&c.Estimator, "estimator", c.Estimator, "rule to compare with the single mean for each node: mean, median, lowmedian, trimmed, trimmed(k), mad or wmedian")
	flags.StringVar(&f.out, "out", "", "new or empty folder for the results (default: results/shadow/<time>, with the link results/shadow/latest)")
	flags.StringVar(&f.format, "format", formatText, "what to print: text, json (summary.json) or csv (scores.csv)")
}

func (f *shadowFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	switch f.format {
	case formatText, formatJSON, formatCSV:
	default:
		return command.Usage("--format %s: expected text, json or csv; give --format text", f.format)
	}
	f.config.Now, f.config.Version = time.Now(), version
	if f.until != "" {
		until, err := time.Parse(time.RFC3339, f.until)
		if err != nil {
			return command.Usage("--until %s: expected a time with its offset; give --until 2026-11-30T12:00:00Z", f.until)
		}
		f.config.Until = until
	}
	outcome, err := shadow.Run(ctx, f.config)
	switch {
	case errors.Is(err, shadow.ErrConfig):
		return &command.UsageError{Err: err}
	case err != nil:
		return err
	}
	folder, err := results.New(shadow.Dir, f.out, f.config.Now)
	if err != nil {
		return &command.UsageError{Err: err}
	}
	if err := outcome.Write(folder); err != nil {
		return err
	}
	if err := folder.Finish(); err != nil {
		return err
	}
	fmt.Fprintln(stderr, paragraph.Wrap(fmt.Sprintf("The results are in %s: open index.html in a browser.", folder.Path)))
	return f.print(outcome, stdout)
}

func (f *shadowFlags) print(outcome *shadow.Outcome, stdout io.Writer) error {
	switch f.format {
	case formatJSON:
		return outcome.Summary.WriteJSON(stdout)
	case formatCSV:
		return outcome.WriteCSV(stdout)
	}
	return outcome.Summary.WriteText(stdout)
}
