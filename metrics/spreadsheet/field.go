package spreadsheet

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// computed are the first characters of fields that a spreadsheet computes, also after it has
// skipped a tab or a line end.
const computed = "=+-@\t\r\n"

// Text returns the text of a field without the apostrophe that a [Writer] put before it.
func Text[T ~string | ~[]byte](field T) T {
	if len(field) > 1 && field[0] == '\'' && strings.IndexByte(computed, field[1]) >= 0 {
		return field[1:]
	}
	return field
}

// Quote returns the beginning of a field in quotes, with unprintable characters escaped.
func Quote(field []byte) string {
	const most = 40
	if len(field) > most {
		return strconv.Quote(string(field[:most])) + "…"
	}
	return strconv.Quote(string(field))
}

// Writer writes CSV files. Every field that a spreadsheet would compute gets an apostrophe before
// it, negative numbers included. It must not be used concurrently.
type Writer struct{ out *csv.Writer }

// NewWriter returns a writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{csv.NewWriter(w)} }

// Write writes one line. The error is that of the underlying writer, and may come with a later
// call.
func (w *Writer) Write(fields ...string) error {
	line := make([]string, len(fields))
	for i, field := range fields {
		if field != "" && strings.IndexByte(computed, field[0]) >= 0 {
			field = "'" + field
		}
		line[i] = field
	}
	return w.out.Write(line)
}

// Flush writes what is buffered, and returns the first error of the underlying writer.
func (w *Writer) Flush() error {
	w.out.Flush()
	return w.out.Error()
}
