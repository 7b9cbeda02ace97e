// Package architecture checks the shape of the repository: which folder may import which, what pure
// packages may use, and the house rules that a machine can check.
// rules.go is the drawing, and the file to edit when the architecture changes on purpose. The other
// files read the sources and compare.
//
// The tests parse the files in this process and build nothing, so a check takes milliseconds. Run
// them with `make check-docs` or `make test`. Both disable the test cache, which does not notice
// changes outside the test's own module.
//
// Formatting and static analysis are left to `make lint`.
package architecture
