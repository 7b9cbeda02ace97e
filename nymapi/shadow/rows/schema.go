package rows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind is a kind of measurements.
type Kind string

const (
	Liveness Kind = "liveness" // monitor v3: every 15 minutes, whether a node answers
	Stress   Kind = "stress"   // monitor v3: every 2 hours, how it does under load
	V1       Kind = "v1"       // monitor v1: every 15 minutes, along 3 routes
)

// Kinds returns all kinds, in the order in which they are looked for.
func Kinds() []Kind { return []Kind{Liveness, Stress, V1} }

// ErrSchema reports a database whose tables are not those of a Nym-API.
var ErrSchema = errors.New("the database has another layout than Nym-API's")

// affinity is the class of a column's declared type, by the rules of SQLite.
type affinity string

const (
	integer affinity = "INTEGER"
	text    affinity = "TEXT"
	real    affinity = "REAL"
	numeric affinity = "NUMERIC" // also BOOLEAN and TIMESTAMP
	untyped affinity = "BLOB"    // also no type
)

// column is a column that a kind needs.
type column struct {
	names    []string // the name, and others that it has in other versions
	declared string   // type in the layout
	fits     []affinity
}

// table is a table that a kind needs.
type table struct {
	name    string
	columns []column
}

func integerColumn(name string) column {
	return column{[]string{name}, "INTEGER", []affinity{integer, numeric, untyped}}
}

// tables returns the tables of a kind, the one with measurements first.
func (k Kind) tables() []table {
	switch k {
	case Liveness:
		return []table{{"nym_node_liveness_result", resultColumns()}}
	case Stress:
		return []table{{"nym_node_stress_testing_result", resultColumns()}}
	}
	identity := column{[]string{"identity_key", "identity"}, "VARCHAR", []affinity{text, untyped}}
	status := func(details string) []column {
		return []column{integerColumn(details), integerColumn("reliability"), integerColumn("timestamp")}
	}
	return []table{
		{"mixnode_status", status("mixnode_details_id")},
		{"gateway_status", status("gateway_details_id")},
		{"mixnode_details", []column{integerColumn("id"), identity}},
		{"gateway_details", []column{integerColumn("id"), identity}},
	}
}

func resultColumns() []column {
	return []column{
		integerColumn("node_id"),
		{[]string{"submitter_pubkey"}, "TEXT", []affinity{text, untyped}},
		{[]string{"result"}, "REAL", []affinity{real, numeric, untyped}},
		{[]string{"was_reachable"}, "BOOLEAN", []affinity{numeric, integer, untyped}},
		{[]string{"test_timestamp"}, "TIMESTAMP", []affinity{numeric, text, untyped}},
	}
}

// affinityOf returns the class of a declared type (https://www.sqlite.org/datatype3.html, 3.1).
func affinityOf(declared string) affinity {
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(strings.ToUpper(declared), p) })
	}
	switch {
	case has("INT"):
		return integer
	case has("CHAR", "CLOB", "TEXT"):
		return text
	case has("BLOB") || strings.TrimSpace(declared) == "":
		return untyped
	case has("REAL", "FLOA", "DOUB"):
		return real
	}
	return numeric
}

// columnsOf returns the declared types of a table's columns, and none for a table that does not
// exist.
func (d *Database) columnsOf(ctx context.Context, name string) (map[string]string, error) {
	result, err := d.tx.QueryContext(ctx, `SELECT name, type FROM pragma_table_info(?)`, name)
	if err != nil {
		return nil, d.explain(err)
	}
	defer result.Close()
	columns := map[string]string{}
	for result.Next() {
		var name, declared string
		if err := result.Scan(&name, &declared); err != nil {
			return nil, d.explain(err)
		}
		columns[strings.ToLower(name)] = declared
	}
	if err := result.Err(); err != nil {
		return nil, d.explain(err)
	}
	return columns, nil
}

// Find returns the first kind that the database has measurements of, or the first whose table it
// has. The error wraps [ErrSchema] if it has none of the tables.
func (d *Database) Find(ctx context.Context) (Kind, error) {
	var found []Kind
	for _, kind := range Kinds() {
		name := kind.tables()[0].name
		columns, err := d.columnsOf(ctx, name)
		if err != nil {
			return "", err
		}
		if len(columns) == 0 {
			continue
		}
		found = append(found, kind)
		var rows bool
		if err := d.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+name+`)`).Scan(&rows); err != nil {
			return "", d.explain(err)
		}
		if rows {
			return kind, nil
		}
	}
	if len(found) == 0 {
		return "", d.unknown(ctx)
	}
	return found[0], nil
}

// unknown returns the error about a database without any of the tables.
func (d *Database) unknown(ctx context.Context) error {
	var names []string
	for _, kind := range Kinds() {
		names = append(names, fmt.Sprintf("%s (--kind %s)", kind.tables()[0].name, kind))
	}
	return fmt.Errorf("%w: %s: expected one of the tables %s, found %s (give the db.sqlite of a Nym-API)",
		ErrSchema, d.path, strings.Join(names, ", "), d.tables(ctx))
}

// tables lists the first tables of the database, for an error.
func (d *Database) tables(ctx context.Context) string {
	const most = 8
	var names string
	err := d.tx.QueryRowContext(ctx, `SELECT coalesce(group_concat(substr(name, 1, 40), ', '), '') FROM
		(SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name LIMIT ?)`, most).Scan(&names)
	if err != nil || names == "" {
		return "no table"
	}
	return names
}

// check returns an error that names the first table or column of a kind that is missing or
// declared with another type. It wraps [ErrSchema].
func (d *Database) check(ctx context.Context, kind Kind) error {
	for _, t := range kind.tables() {
		columns, err := d.columnsOf(ctx, t.name)
		if err != nil {
			return err
		}
		if len(columns) == 0 {
			return fmt.Errorf("%w: %s: table %s is missing, found %s (--kind %s needs it; give the kind that the file has, or another file)",
				ErrSchema, d.path, t.name, d.tables(ctx), kind)
		}
		for _, c := range t.columns {
			if err := c.check(columns); err != nil {
				return fmt.Errorf("%w: %s: column %s.%s %w", ErrSchema, d.path, t.name, c.names[0], err)
			}
		}
	}
	return nil
}

func (c column) check(columns map[string]string) error {
	name, found := c.in(columns)
	switch {
	case !found:
		return fmt.Errorf("is missing, expected type %s (is the file of a newer or older Nym-API?)", c.declared)
	case !slices.Contains(c.fits, affinityOf(columns[name])):
		return fmt.Errorf("has type %s, expected %s (is the file of a newer or older Nym-API?)", columns[name], c.declared)
	}
	return nil
}

// in returns which of its names a column has.
func (c column) in(columns map[string]string) (string, bool) {
	for _, name := range c.names {
		if _, ok := columns[name]; ok {
			return name, true
		}
	}
	return "", false
}
