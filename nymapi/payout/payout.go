// Package payout computes what mixnodes are paid, epoch after epoch, under each way of deciding it:
// by one Nym-API, by Nym's performance contract, or by the certified block of a group with one of
// the estimators. It takes reports and returns payments. It is pure, and it is not the contract: it
// verifies nothing and knows no time, so it computes thousands of epochs a second for experiments,
// scenes and shadow runs. Tests compare it with the contract's own rules.
package payout

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// CarryLimit is the number of epochs over which a value replaces a missing one in all commands.
const CarryLimit = 3

// Payment is what a mixnode is paid in an epoch.
type Payment struct {
	Value metrics.Uptime // Missing if nothing is paid
	Age   int            // number of epochs ago in which it was measured; 0: in this one
}

// Way is a way of deciding what mixnodes are paid. It remembers earlier epochs. Its methods must
// not be called concurrently.
type Way interface {
	// Name returns the name in tables, without spaces.
	Name() string
	// Score returns what the reports of the next epoch yield, [metrics.Missing] where they yield
	// nothing. It changes nothing. The slice is the way's own until the next call.
	Score(Reports) []metrics.Uptime
	// Settle ends the next epoch with these reports, and returns what is paid. Reports of too few
	// Nym-APIs are a missed epoch, for which the payments are nil. The slice is the caller's.
	Settle(Reports) []Payment
}

// Reports are what Nym-APIs report about the mixnodes of an epoch: row i is that of Nym-API i. They
// must not be modified.
type Reports struct {
	rows     [][]metrics.Uptime
	mixnodes int
	sorted   []metrics.Uptime // the values of column j, ascending, from j·len(rows)
	counts   []int            // number of values in column j
}

// NewReports returns the reports of an epoch about that many mixnodes. A row is nil if the Nym-API
// did not report, and otherwise has a value, or Missing, for each mixnode. It keeps the rows.
func NewReports(mixnodes int, rows [][]metrics.Uptime) Reports {
	r := Reports{rows: rows, mixnodes: mixnodes, sorted: make([]metrics.Uptime, mixnodes*len(rows)), counts: make([]int, mixnodes)}
	for j := range mixnodes {
		column := r.sorted[j*len(rows) : j*len(rows)]
		for _, row := range rows {
			if row != nil && row[j] != metrics.Missing {
				column = append(column, row[j])
			}
		}
		insertionSort(column)
		r.counts[j] = len(column)
	}
	return r
}

// insertionSort sorts the few values of a column faster than slices.Sort.
func insertionSort(values []metrics.Uptime) {
	for i := 1; i < len(values); i++ {
		v, k := values[i], i
		for ; k > 0 && values[k-1] > v; k-- {
			values[k] = values[k-1]
		}
		values[k] = v
	}
}

// Mixnodes returns the number of mixnodes.
func (r Reports) Mixnodes() int { return r.mixnodes }

// Row returns what Nym-API i (from 0) reports, nil if it does not.
func (r Reports) Row(i int) []metrics.Uptime { return r.rows[i] }

// Column returns the values for mixnode j, ascending, without those that are missing.
func (r Reports) Column(j int) []metrics.Uptime {
	return r.sorted[j*len(r.rows):][:r.counts[j]]
}

// Present returns the number of Nym-APIs that report.
func (r Reports) Present() int {
	return len(r.rows) - count(r.rows, func(row []metrics.Uptime) bool { return row == nil })
}

func count[T any](values []T, has func(T) bool) int {
	n := 0
	for _, v := range values {
		if has(v) {
			n++
		}
	}
	return n
}

// Only returns the reports of the Nym-APIs for which block is true: those in the block that wins.
// All of them are in it if block is nil.
func (r Reports) Only(block []bool) Reports {
	if block == nil || !slices.Contains(block, false) {
		return r
	}
	rows := slices.Clone(r.rows)
	for i := range rows {
		if !block[i] {
			rows[i] = nil
		}
	}
	return NewReports(r.mixnodes, rows)
}

// carry fills the gaps of scores with the newest values of earlier epochs, up to a limit.
type carry struct {
	limit  int
	epoch  int // that was settled last, from 1
	values []Payment
	at     []int // epoch in which each of them was measured
}

func newCarry(limit int) *carry { return &carry{limit: limit} }

// fill returns the payments for scores of the next epoch, and remembers the scores.
func (c *carry) fill(scores []metrics.Uptime) []Payment {
	c.epoch++
	if c.at == nil {
		c.values, c.at = make([]Payment, len(scores)), make([]int, len(scores))
	}
	paid := make([]Payment, len(scores))
	for j, score := range scores {
		switch {
		case score != metrics.Missing:
			paid[j] = Payment{Value: score}
			c.values[j], c.at[j] = paid[j], c.epoch
		case c.at[j] > 0 && c.epoch-c.at[j] <= c.limit:
			paid[j] = Payment{Value: c.values[j].Value, Age: c.epoch - c.at[j]}
		default:
			paid[j] = Payment{Value: metrics.Missing}
		}
	}
	return paid
}

// miss records an epoch in which nothing is paid.
func (c *carry) miss() []Payment {
	c.epoch++
	return nil
}
