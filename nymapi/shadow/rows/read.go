package rows

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/window"
)

// ErrEmpty reports that there is nothing to read.
var ErrEmpty = errors.New("no measurements")

// Monitor is the name of the submitter of kind [V1], which does not record one.
const Monitor = "monitor-v1"

// Unusable counts rows that are left out for one reason.
type Unusable struct {
	Reason  string `json:"reason"`
	Count   int    `json:"count"`
	Example string `json:"example"` // the value of the first of them
}

// Tally counts the rows that were read.
type Tally struct {
	Read     int        `json:"read"`
	Unusable []Unusable `json:"unusable"` // the most frequent reason first
}

// Bounds returns the times of the oldest and the newest measurement before a time, in whole
// seconds. The error wraps [ErrSchema] or [ErrFile], or [ErrEmpty] if no measurement was found.
func (d *Database) Bounds(ctx context.Context, kind Kind, before time.Time) (first, last time.Time, err error) {
	if err := d.check(ctx, kind); err != nil {
		return first, last, err
	}
	times := `SELECT unixepoch(test_timestamp) AS t FROM ` + kind.tables()[0].name + ` WHERE typeof(test_timestamp) = 'text'`
	if kind == V1 {
		times = `SELECT timestamp AS t FROM mixnode_status WHERE typeof(timestamp) = 'integer'
			UNION ALL SELECT timestamp FROM gateway_status WHERE typeof(timestamp) = 'integer'`
	}
	var low, high sql.NullInt64
	var after int
	err = d.tx.QueryRowContext(ctx, `SELECT min(t) FILTER (WHERE t < ?1), max(t) FILTER (WHERE t < ?1), count(*) FILTER (WHERE t >= ?1)
		FROM (`+times+`) WHERE t >= ?2`, before.Unix(), oldestTime).Scan(&low, &high, &after)
	switch {
	case err != nil:
		return first, last, d.explain(err)
	case low.Valid:
		return time.Unix(low.Int64, 0).UTC(), time.Unix(high.Int64, 0).UTC(), nil
	case after > 0:
		return first, last, fmt.Errorf("%w: %s: all %d measurements of kind %s are at or after %s (give a later --until)",
			ErrEmpty, d.path, after, kind, before.UTC().Format(time.RFC3339))
	}
	return first, last, fmt.Errorf("%w: %s: %s has no row with a time (is it the database of a Nym-API that rewards, and newer than its last purge?)",
		ErrEmpty, d.path, kind.tables()[0].name)
}

// Read calls take with each usable measurement of a kind, all of one node after the other. It
// stops at the first error of take and returns it. Memory does not grow with the number of rows.
func (d *Database) Read(ctx context.Context, kind Kind, take func(window.Measurement) error) (Tally, error) {
	if err := d.check(ctx, kind); err != nil {
		return Tally{}, err
	}
	r := reader{take: take, reasons: map[string]*Unusable{}}
	if kind != V1 {
		if err := d.each(ctx, selectResults(kind.tables()[0].name), r.result); err != nil {
			return Tally{}, err
		}
		return r.tally(), nil
	}
	for _, role := range []string{"mixnode", "gateway"} {
		query, err := d.selectStatus(ctx, role)
		if err == nil {
			err = d.each(ctx, query, func(row []any) error { return r.status(role, row) })
		}
		if err != nil {
			return Tally{}, err
		}
	}
	return r.tally(), nil
}

// each calls use with each row of a query. The slice is used again for the next row.
func (d *Database) each(ctx context.Context, query string, use func(row []any) error) error {
	result, err := d.tx.QueryContext(ctx, query)
	if err != nil {
		return d.explain(err)
	}
	defer result.Close()
	names, err := result.Columns()
	if err != nil {
		return d.explain(err)
	}
	row, pointers := make([]any, len(names)), make([]any, len(names))
	for i := range row {
		pointers[i] = &row[i]
	}
	for result.Next() {
		if err := result.Scan(pointers...); err != nil {
			return d.explain(err)
		}
		if err := use(row); err != nil {
			return err
		}
	}
	if err := result.Err(); err != nil {
		return d.explain(err)
	}
	return nil
}

// selectResults selects the columns that reader.result takes. The unary plus keeps the driver from
// converting values by the declared type of their column. The order is that of the unique index of
// the table.
func selectResults(table string) string {
	return `SELECT node_id, submitter_pubkey, +result, +was_reachable, +test_timestamp FROM ` + table +
		` ORDER BY node_id, test_timestamp, submitter_pubkey`
}

// selectStatus returns the query for the columns that reader.status takes. A status of a node
// without details is that of a node named after its number.
func (d *Database) selectStatus(ctx context.Context, role string) (string, error) {
	columns, err := d.columnsOf(ctx, role+"_details")
	if err != nil {
		return "", err
	}
	identity, _ := V1.tables()[2].columns[1].in(columns)
	return strings.NewReplacer("ROLE", role, "IDENTITY", identity).Replace(
		`SELECT coalesce(d.IDENTITY, 'ROLE_details_id=' || s.ROLE_details_id) AS node, +s.reliability, +s.timestamp
		FROM ROLE_status s LEFT JOIN ROLE_details d ON d.id = s.ROLE_details_id ORDER BY node, s.timestamp`), nil
}

// reader turns rows into measurements.
type reader struct {
	take    func(window.Measurement) error
	read    int
	reasons map[string]*Unusable
}

func (r *reader) tally() Tally {
	t := Tally{Read: r.read, Unusable: []Unusable{}}
	for _, u := range r.reasons {
		t.Unusable = append(t.Unusable, *u)
	}
	slices.SortFunc(t.Unusable, func(a, b Unusable) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Reason, b.Reason)) })
	return t
}

// result takes a row of [Liveness] or [Stress].
func (r *reader) result(row []any) error {
	var m window.Measurement
	r.read++
	for i, parse := range []func(any, *window.Measurement) error{parseNode, parseSubmitter, parseResult, parseReachable, parseTime} {
		if err := parse(row[i], &m); err != nil {
			r.refuse(err, row[i])
			return nil
		}
	}
	return r.take(m)
}

// status takes a row of [V1]. Its monitor does not record whether a node answered at all.
func (r *reader) status(role string, row []any) error {
	m := window.Measurement{Submitter: Monitor, Reachable: true}
	r.read++
	for i, parse := range []func(any, *window.Measurement) error{parseIdentity, parseReliability, parseUnix} {
		if err := parse(row[i], &m); err != nil {
			r.refuse(err, row[i])
			return nil
		}
	}
	m.Node.Role = role
	return r.take(m)
}

// refuse counts a row that is left out.
func (r *reader) refuse(reason error, value any) {
	u, known := r.reasons[reason.Error()]
	if !known {
		u = &Unusable{Reason: reason.Error(), Example: shown(value)}
		r.reasons[reason.Error()] = u
	}
	u.Count++
}

// shown returns the beginning of a value as text.
func shown(value any) string {
	const most = 40
	switch v := value.(type) {
	case nil:
		return "NULL"
	case string:
		value = fmt.Sprintf("%.*q", most, v)
	case []byte:
		value = fmt.Sprintf("x'%.*x'", most/2, v)
	}
	return fmt.Sprint(value)
}
