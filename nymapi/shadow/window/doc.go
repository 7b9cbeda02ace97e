// Package window folds the measurements of several submitters into the epochs of a window, and
// says what each rule would score in each of them.
//
// A [Builder] takes measurements one node after the other and keeps only sums, so a window costs
// memory for its cells (node, submitter, epoch) and not for its rows. A [Window] is what it built,
// with the reports of the submitters as columns and rows of a [metrics.Matrix]. [Window.Score]
// applies the rules.
//
// The package is pure: it neither opens the database (package rows does) nor judges who is right
// (package spread).
package window
