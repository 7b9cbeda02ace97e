package spreadsheet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

var (
	// ErrEncoding reports a file that is not UTF-8.
	ErrEncoding = errors.New("the file is UTF-16, expected UTF-8 (save it as \"CSV UTF-8\" or plain text)")
	// ErrTooLong reports a line above the caller's bound.
	ErrTooLong = bufio.ErrTooLong
)

// mark is the byte order mark of UTF-8.
var mark = []byte("\xef\xbb\xbf")

// Lines returns the lines of a file that are not blank. It must not be used concurrently.
type Lines struct {
	input   *bufio.Reader
	scanner *bufio.Scanner
	number  int
	blank   int
	err     error
}

// NewLines returns the lines of r, each of at most longest bytes.
func NewLines(r io.Reader, longest int) *Lines {
	input := bufio.NewReader(r)
	l := &Lines{input: input, scanner: bufio.NewScanner(input)}
	l.scanner.Buffer(make([]byte, 0, min(64<<10, longest)), longest)
	return l
}

// Next reads the next line that is not blank, and reports whether there is one. A line is blank if
// it has no field with content.
func (l *Lines) Next() bool {
	if l.number == 0 && l.err == nil {
		l.begin()
	}
	l.blank = 0
	for l.err == nil && l.scanner.Scan() {
		l.number++
		if len(bytes.Trim(l.scanner.Bytes(), ",; \t\r")) > 0 {
			return true
		}
		if l.blank == 0 {
			l.blank = l.number
		}
	}
	return false
}

// begin skips the byte order mark. An error of the reader is left to the scanner.
func (l *Lines) begin() {
	first, _ := l.input.Peek(len(mark))
	switch {
	case bytes.Equal(first, mark):
		_, l.err = l.input.Discard(len(mark))
	case bytes.HasPrefix(first, []byte("\xff\xfe")), bytes.HasPrefix(first, []byte("\xfe\xff")):
		l.err = ErrEncoding
	}
}

// Bytes returns the current line without its end. It is valid until the next call of Next.
func (l *Lines) Bytes() []byte { return l.scanner.Bytes() }

// Number returns the number of the current line, from 1.
func (l *Lines) Number() int { return l.number }

// Blank returns the number of the first of the blank lines right before the current one, or 0.
func (l *Lines) Blank() int { return l.blank }

// Err returns why the lines ended early: it wraps [ErrEncoding], [ErrTooLong] or the error of the
// reader. It returns nil at the end of the file.
func (l *Lines) Err() error {
	if l.err != nil {
		return l.err
	}
	if err := l.scanner.Err(); err != nil {
		return fmt.Errorf("after line %d: %w", l.number, err)
	}
	return nil
}
