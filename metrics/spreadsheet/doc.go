// Package spreadsheet reads and writes text files that people open with spreadsheets and editors:
// lists of mixnodes, and the lines and fields of CSV files.
//
// Files may begin with one byte order mark of UTF-8, end in blank lines, and end their lines in LF
// or CRLF. UTF-16, which some spreadsheets call Unicode text, is refused with [ErrEncoding].
//
// A spreadsheet computes a field that begins with =, +, - or @. [Writer] puts an apostrophe before
// such a field, so that it stays text, and [Text] removes it when a file is read.
//
// The package is unstable: it is public only because the modules of this repository share it.
package spreadsheet
