package shadow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/rows"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/spread"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/window"
)

// Outcome is what a run found. Its methods only read it.
type Outcome struct {
	Summary Summary

	window *window.Window
	scores window.Scores
}

// Run reads the database and computes everything. The error wraps [ErrConfig], [rows.ErrFile],
// [rows.ErrSchema], [rows.ErrEmpty], [rows.ErrChanged] or [window.ErrTooLarge], or is that of ctx.
func Run(ctx context.Context, c Config) (*Outcome, error) {
	estimator, err := c.validate()
	if err != nil {
		return nil, err
	}
	read, err := read(ctx, c)
	if err != nil {
		return nil, err
	}
	w := read.window
	o := &Outcome{window: w, scores: w.Score(window.Rules{Extra: estimator, MissingIsZero: read.kind == rows.V1})}
	o.Summary = o.summary(c, read)
	return o, ctx.Err()
}

// reading is what was read from the database.
type reading struct {
	kind   rows.Kind
	window *window.Window
	tally  rows.Tally
}

func read(ctx context.Context, c Config) (r reading, err error) {
	db, err := rows.Open(ctx, c.Database)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if r.kind = rows.Kind(c.Kind); r.kind == "" {
		if r.kind, err = db.Find(ctx); err != nil {
			return r, err
		}
	}
	span, err := c.span(ctx, db, r.kind)
	if err != nil {
		return r, err
	}
	builder := window.NewBuilder(span)
	if r.tally, err = db.Read(ctx, r.kind, builder.Add); err != nil {
		return r, err
	}
	r.window = builder.Window()
	if r.window.Tally.Used == 0 {
		return r, fmt.Errorf("%w: %s: kind %s has no usable row from %s to %s%s", rows.ErrEmpty, c.Database, r.kind,
			clock(span.Start), clock(span.End()), r.whyNone())
	}
	return r, nil
}

// whyNone says why no row was used, and what to do.
func (r reading) whyNone() string {
	if len(r.tally.Unusable) > 0 {
		u := r.tally.Unusable[0]
		return fmt.Sprintf("; of %d rows, %d are left out because %s, such as %s", r.tally.Read, u.Count, u.Reason, u.Example)
	}
	return " (give a longer --window, or another --until)"
}

// span returns the epochs to read. They end right after the newest measurement, or at Until.
// Epochs before the oldest measurement are left out.
func (c Config) span(ctx context.Context, db *rows.Database, kind rows.Kind) (window.Span, error) {
	epoch, err := c.epoch(kind)
	if err != nil {
		return window.Span{}, err
	}
	before := c.Until
	if before.IsZero() {
		before = c.Now
	}
	first, last, err := db.Bounds(ctx, kind, before)
	if err != nil {
		return window.Span{}, err
	}
	end := c.Until
	if end.IsZero() {
		end = last.Add(time.Second)
	}
	if last.Before(end.Add(-c.Window)) {
		return window.Span{}, fmt.Errorf("%w: %s: the newest measurement of kind %s before %s is of %s, more than %s earlier (give a longer --window, or another --until)",
			rows.ErrEmpty, c.Database, kind, clock(end), clock(last), c.Window)
	}
	epochs := int(c.Window / epoch)
	if covered := end.Sub(first); covered < c.Window {
		epochs = int((covered + epoch - 1) / epoch)
	}
	return window.Span{Start: end.Add(-time.Duration(epochs) * epoch), Epoch: epoch, Epochs: epochs}, nil
}

// clock returns a time as it is printed.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// estimates are the figures of which the summary is made.
type estimates struct {
	submitters []spread.Distances
	nodes      []spread.Differences
	typical    []float64 // by epoch
	rules      []Price
	alone      []Price     // of each submitter that would decide alone
	prices     []NodePrice // by node
}

// estimate computes all figures with intervals.
func (o *Outcome) estimate(estimator string) estimates {
	w, b := o.window, spread.NewBootstrap(o.window.Epochs)
	var e estimates
	e.submitters = spread.Submitters(w, b)
	e.nodes, e.typical = spread.Nodes(w, b)
	single := o.scores.Rule(window.Single)
	p := pricing{live: make([]bool, w.Epochs), single: single, bootstrap: b}
	for _, epoch := range w.Live() {
		p.live[epoch] = true
	}
	p.from = chances(single, p.live)
	for _, name := range o.scores.Names[1:] {
		p.rule = o.scores.Rule(name)
		p.to = chances(p.rule, p.live)
		e.rules = append(e.rules, p.price(name))
		if name == estimator {
			for n := range w.Nodes {
				e.prices = append(e.prices, p.node(n))
			}
		}
	}
	for i, submitter := range w.Submitters {
		p.rule = o.alone(i)
		p.to = chances(p.rule, p.live)
		e.alone = append(e.alone, p.price(submitter.Name))
	}
	return e
}

// alone returns the scores if a submitter decided alone, by epoch and node.
func (o *Outcome) alone(submitter int) [][]metrics.Uptime {
	values := make([][]metrics.Uptime, o.window.Epochs)
	for e := range values {
		values[e] = make([]metrics.Uptime, len(o.window.Nodes))
		for n := range values[e] {
			values[e][n] = o.window.Report(n, submitter, e)
		}
	}
	return values
}

// judged counts the nodes that exactly that many submitters report about in an epoch.
func (o *Outcome) judged(epoch, submitters int) int {
	count := 0
	for n := range o.window.Nodes {
		if o.reports(n, epoch) == submitters {
			count++
		}
	}
	return count
}

// reports counts the submitters that report about a node in an epoch.
func (o *Outcome) reports(node, epoch int) int {
	count := 0
	for s := range o.window.Submitters {
		if o.window.Report(node, s, epoch) != metrics.Missing {
			count++
		}
	}
	return count
}
