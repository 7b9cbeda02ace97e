// Package vectors tests that the examples in metrics/vectors/testdata and in
// contract/performance/vectors/testdata find errors: it plants errors in the estimators and in the
// rules of Nym's performance contract, and checks the examples against each.
//
// A bug replaces one text of a package by another. All copies of the package with a bug, and the
// copies of their checker, are built into one program by an overlay of the go command, because
// building a test for each bug takes a minute or more. Nothing is written into the tree.
//
// The package only tests, and nothing imports it.
package vectors
