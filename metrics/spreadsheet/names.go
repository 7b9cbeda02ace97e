package spreadsheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// MaxNames is the largest number of names in a list.
const MaxNames = 100_000

// ErrNames reports a file of something other than names, or with a name twice.
var ErrNames = errors.New("bad list of names")

// longestLine leaves room for the quotation of a line that is too long for a name.
const longestLine = 16 << 10

// ReadNames reads a list of mixnodes, one a line, and returns it sorted. Blank lines, and spaces
// around a name, are ignored. Errors call the file source and name the line. They wrap [ErrNames],
// [ErrEncoding], [ErrTooLong], [metrics.ErrMixID] or the error of r.
func ReadNames(r io.Reader, source string) ([]metrics.MixID, error) {
	lines, seen := NewLines(r, longestLine), map[metrics.MixID]int{}
	var names []metrics.MixID
	for lines.Next() {
		id, err := parseName(Text(bytes.TrimSpace(lines.Bytes())))
		if err == nil && seen[id] > 0 {
			err = fmt.Errorf("%w: mixnode %q is also on line %d (remove one of the lines)", ErrNames, id, seen[id])
		}
		if err == nil && len(names) == MaxNames {
			err = fmt.Errorf("%w: expected at most %d names", ErrNames, MaxNames)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", source, lines.Number(), err)
		}
		seen[id] = lines.Number()
		names = append(names, id)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: %w: no names, expected one a line", source, ErrNames)
	}
	slices.Sort(names)
	return names, nil
}

// parseName parses a line that holds one name, and says what to do about a line of a table.
func parseName(line []byte) (metrics.MixID, error) {
	text := string(line)
	switch {
	case strings.ContainsAny(text, ",;\t"):
		return "", fmt.Errorf("%w: %s is a line of a table, expected one name a line (export the column of the names alone, without header)", ErrNames, Quote(line))
	case strings.ContainsAny(text, `"'`):
		return "", fmt.Errorf("%w: %s has quotes, expected a name without them (remove the quotes)", ErrNames, Quote(line))
	}
	return metrics.ParseMixID(text)
}
