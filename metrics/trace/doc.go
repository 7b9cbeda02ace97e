// Package trace reads recorded measurements: CSV files in which several observers rate the same
// mixnodes epoch after epoch, so that the whole pipeline can be run on what real networks did.
//
// The layout is one header line and one line for each epoch and observer:
//
//	epoch,observer,n00,n01,n02
//	1,n00,,100,97
//	1,n06,100,,98
//	2,n00,,99,
//
// A cell is a whole percentage 0..100, and an empty cell is a missing value, never 0. Epochs
// ascend, an observer has at most one line in each, and one without a line has no values there.
// Nothing is quoted. Lines end in LF or CRLF.
//
// A file is checked as a whole when it is read; an [Error] names the line and the column, what was
// expected and what to do. The package does not rate anybody: package metrics has the estimators,
// and [Trace.Truth] only applies its median to the observers that the caller trusts.
//
// The package is unstable: it is public only because the modules of this repository share it.
package trace
