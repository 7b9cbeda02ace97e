// Package trace reads recorded measurements: CSV files in which several observers measured the same
// mixnodes over many epochs. With it the whole pipeline can run on the data of real networks.
//
// The layout is one header line and one line for each epoch and observer:
//
//	epoch,observer,n00,n01,n02
//	1,n00,,100,97
//	1,n06,100,,98
//	2,n00,,99,
//
// A cell is a whole percentage 0..100. An empty cell is a missing value, never 0. Epochs ascend,
// and an observer has at most one line in each; without a line it has no values there. Nothing is
// quoted. Lines end in LF or CRLF.
//
// What spreadsheets add is accepted: a byte order mark of UTF-8, blank lines at the end, 100.0 for
// 100, and an apostrophe before a name that begins with =, +, - or @ (see package spreadsheet).
//
// The whole file is checked when it is read. An [Error] names the line and the column, what was
// expected and what to do. The package does not rate observers: package metrics has the estimators,
// and [Trace.Truth] only takes the median of the observers that the caller trusts.
//
// The package is unstable: it is public only because the modules of this repository share it.
package trace
