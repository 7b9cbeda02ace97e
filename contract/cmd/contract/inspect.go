package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

type inspectFlags struct {
	db, epoch, mixnode string
	watch, json        bool
	reports, reporters bool
	csv                bool
	last               int
	source             string
	seed               uint64
	ticks              int64
}

func newInspect() *cobra.Command {
	var f inspectFlags
	cmd := &cobra.Command{
		Use: "inspect", Short: "Show what the contract decided",
		Long: `Show what the contract decided: members, epochs and winners; with --epoch also
reporters, signers, attempts and rewards; with --reports who reported what about
which mixnode; with --reporters how far each Nym-API was from the results, and
who was caught; with --mixnode who reported what about one mixnode, what each
estimator would have paid, and what was paid.

It only reads the database, whether the contract runs or not. With --seed it
compares the rewards of a simulated world with the truth, which it computes from
the seed: what a perfect observer would measure through a path of average loss.`,
		Example: `  contract inspect
  contract inspect --db contract.db --epoch last
  contract inspect --reports --epoch last --mixnode m007
  contract inspect --mixnode m007 --seed 1 --ticks 4
  sqlite3 contract.db 'SELECT * FROM winners'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("seed") {
				f.source = ""
			}
			return inspect(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.db, "db", "", databaseHelp)
	flags.StringVar(&f.epoch, "epoch", "", "show one epoch: its number, or last for the newest rewarded one")
	flags.StringVar(&f.mixnode, "mixnode", "", "show one mixnode: in every epoch, or in the one of --epoch")
	flags.BoolVar(&f.watch, "watch", false, "repeat every second until interrupted")
	flags.BoolVar(&f.reports, "reports", false, "show the reports of the epoch of --epoch, or of the newest rewarded one")
	flags.BoolVar(&f.reporters, "reporters", false, "show how far each Nym-API was from the results of all epochs")
	flags.BoolVar(&f.json, "json", false, "write JSON instead of tables")
	flags.BoolVar(&f.csv, "csv", false, "write CSV instead of tables")
	flags.IntVar(&f.last, "last", 20, "how many epochs to list, newest first; 0: all")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the simulated world, to compare with its truth")
	flags.StringVar(&f.source, "source", "world", "what was measured with that seed: world, or uniform, which has no truth")
	flags.Int64Var(&f.ticks, "ticks", 4, "measurements per epoch, the --ticks of the Nym-APIs")
	return cmd
}

func (f inspectFlags) validate() error {
	switch {
	case f.last < 0:
		return command.Usage("--last %d, expected 0 or more", f.last)
	case f.reports && f.reporters:
		return command.Usage("--reports and --reporters exclude each other")
	case f.reporters && (f.epoch != "" || f.mixnode != ""):
		return command.Usage("--reporters is about all epochs and mixnodes: leave --epoch and --mixnode out, or use --reports")
	case f.csv && f.json:
		return command.Usage("--csv and --json exclude each other")
	case f.ticks < 1:
		return command.Usage("--ticks %d, expected at least 1", f.ticks)
	case f.source != "" && f.source != "world" && f.source != "uniform":
		return command.Usage("--source %q, expected world or uniform", f.source)
	}
	if f.epoch != "" && f.epoch != "last" {
		if _, err := contract.ParseEpoch(f.epoch); err != nil {
			return command.Usage("--epoch %q, expected a number from 1 or last", f.epoch)
		}
	}
	if f.mixnode != "" {
		if _, err := metrics.ParseMixID(f.mixnode); err != nil {
			return command.Usage("--mixnode: %w", err)
		}
	}
	return nil
}

// inspect shows what the flags select, once or until ctx ends. What is not part of JSON or CSV goes
// to errs.
func inspect(ctx context.Context, f inspectFlags, out, errs io.Writer) error {
	if err := f.validate(); err != nil {
		return err
	}
	if !f.watch {
		return inspectOnce(ctx, f, out, errs)
	}
	const clear = "\x1b[H\x1b[2J"
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		var screen bytes.Buffer
		if err := inspectOnce(ctx, f, &screen, errs); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if !f.json {
			fmt.Fprint(out, clear)
		}
		if _, err := screen.WriteTo(out); err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// inspectOnce opens the database each time: with --watch, the contract may start or stop meanwhile.
func inspectOnce(ctx context.Context, f inspectFlags, out, errs io.Writer) (err error) {
	reader, path, err := openDatabase(ctx, f.db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	v := newView(reader, path, f)
	var content any
	switch {
	case f.reports:
		content, err = v.reports(ctx)
	case f.reporters:
		content, err = v.reporters(ctx)
	case f.epoch != "":
		content, err = v.epoch(ctx)
	case f.mixnode != "":
		content, err = v.mixnode(ctx)
	default:
		content, err = v.overview(ctx)
	}
	if err != nil {
		return err
	}
	choice := otherDatabase(f.db)
	if f.json || f.csv {
		_, err = io.WriteString(errs, choice)
	} else {
		_, err = io.WriteString(out, choice)
	}
	if err != nil {
		return err
	}
	return f.write(out, content)
}

// write writes a view in the form that the flags select.
func (f inspectFlags) write(out io.Writer, content any) error {
	switch {
	case f.json:
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(content)
	case f.csv:
		return content.(interface{ csv(out io.Writer) error }).csv(out)
	}
	_, err := io.WriteString(out, content.(interface{ table() string }).table())
	return err
}

// view is a database with the flags that select a part of it.
type view struct {
	*store.Reader
	flags inspectFlags
	path  string
	truth *truth // nil without --seed
}

func newView(reader *store.Reader, path string, f inspectFlags) *view {
	v := &view{Reader: reader, flags: f, path: path}
	if f.source == "world" {
		v.truth = &truth{seed: f.seed, ticks: f.ticks}
	}
	return v
}

type overview struct {
	Database string                   `json:"database"`
	Network  string                   `json:"network"`
	Key      string                   `json:"contract_key"`
	Group    *groupView               `json:"group"`
	Members  []contract.Member        `json:"members"`
	Epochs   []epochLine              `json:"epochs"`
	Totals   map[contract.Status]int  `json:"totals"`
	Wins     map[string]int           `json:"wins"`
	Errors   *metricsError            `json:"error,omitempty"`
	Attempts map[contract.Verdict]int `json:"attempts"`
}

type groupView struct {
	ID     string `json:"id"`
	Number uint64 `json:"number"`
	N      int    `json:"n"`
	F      int    `json:"f"`
	Q      int    `json:"q"`
}

type epochLine struct {
	contract.EpochSummary
	AfterEndMS *int64        `json:"after_end_ms"`
	Reporters  int           `json:"reporters"`
	Signers    int           `json:"signers"`
	Attempts   int           `json:"attempts"`
	Carried    int           `json:"carried"`
	Error      *metricsError `json:"error,omitempty"`
}

func (v *view) overview(ctx context.Context) (*overview, error) {
	owner, err := v.Identity(ctx)
	if err != nil {
		return nil, err
	}
	o := &overview{
		Database: v.path, Network: owner.Network, Key: owner.Key.String(), Members: []contract.Member{}, Epochs: []epochLine{},
		Totals: map[contract.Status]int{}, Wins: map[string]int{}, Attempts: map[contract.Verdict]int{},
	}
	members, err := v.Members(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(members, func(a, b store.Member) int { return contract.CompareNames(a.Name, b.Name) })
	for _, m := range members {
		o.Members = append(o.Members, contract.Member{Name: m.Name, Key: m.Key, PeerID: m.Key.PeerID(), Addresses: m.Addresses})
	}
	group, err := v.Group(ctx)
	if err == nil {
		o.Group = &groupView{ID: group.ID().String(), Number: group.Number(), N: group.N(), F: group.F(), Q: group.Q()}
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return o, v.epochLines(ctx, o)
}

// epochLines fills in the epochs, the newest first, and their totals.
func (v *view) epochLines(ctx context.Context, o *overview) error {
	limit := v.flags.last
	if limit == 0 {
		limit = -1 // no limit, to SQLite
	}
	summaries, err := v.Epochs(ctx, 0, limit)
	if err != nil {
		return err
	}
	var total errorSum
	for _, summary := range summaries {
		detail, err := v.Epoch(ctx, summary.ID)
		if err != nil {
			return err
		}
		line := epochLine{EpochSummary: detail.EpochSummary, Reporters: len(detail.Reporters), Signers: len(detail.Signers), Attempts: len(detail.Attempts)}
		for _, a := range detail.Attempts {
			o.Attempts[a.Verdict]++
		}
		o.Totals[detail.Status]++
		if w := detail.Winner; w != nil {
			late := w.AcceptedAt.Sub(detail.End).Milliseconds()
			line.AfterEndMS = &late
			o.Wins[nameOf(w.Name, w.Key)]++
		}
		for _, r := range detail.Result {
			if r.CarriedFrom != 0 {
				line.Carried++
			}
		}
		if line.Error, err = v.truth.compare(detail, &total); err != nil {
			return err
		}
		o.Epochs = append(o.Epochs, line)
	}
	o.Errors = total.result()
	return nil
}

type epochView struct {
	Database string `json:"database"`
	contract.EpochDetail
	Error *metricsError `json:"error,omitempty"`
	truth []float64     // per reward, nil without --seed
}

// selected returns the epoch that --epoch names.
func (v *view) selected(ctx context.Context) (contract.EpochDetail, error) {
	number, err := v.number(ctx)
	if err != nil {
		return contract.EpochDetail{}, err
	}
	return v.Epoch(ctx, number)
}

func (v *view) epoch(ctx context.Context) (*epochView, error) {
	detail, err := v.selected(ctx)
	if err != nil {
		return nil, err
	}
	e := &epochView{Database: v.path, EpochDetail: detail}
	var sum errorSum
	if e.Error, err = v.truth.compare(detail, &sum); err != nil {
		return nil, err
	}
	if e.truth, err = v.truth.of(detail); err != nil {
		return nil, err
	}
	if v.flags.mixnode != "" {
		e.only(metrics.MixID(v.flags.mixnode))
	}
	return e, nil
}

// only removes all mixnodes but one from the result.
func (e *epochView) only(mixnode metrics.MixID) {
	for i, r := range e.Result {
		if r.Mixnode != mixnode {
			continue
		}
		e.Result = e.Result[i : i+1]
		if e.truth != nil {
			e.truth = e.truth[i : i+1]
		}
		return
	}
	e.Result, e.truth = nil, nil
}

// number returns the epoch that --epoch names.
func (v *view) number(ctx context.Context) (contract.Epoch, error) {
	if v.flags.epoch != "last" && v.flags.epoch != "" { // empty with --reports
		return contract.ParseEpoch(v.flags.epoch)
	}
	newest, err := v.NewestRewarded(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return 0, errors.New("--epoch last: no epoch is rewarded yet; name an open or missed one by its number")
	}
	return newest, err
}
