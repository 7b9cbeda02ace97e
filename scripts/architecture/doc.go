// Package architecture holds the repository to its own shape: which folder may import which, what
// the pure packages may touch, and the house rules that a machine can check. rules.go is the
// drawing, and the place to change when the architecture changes on purpose; everything else here
// reads the sources and compares.
//
// The files are parsed in this process and nothing is built, so a check takes milliseconds. Run it
// with `make check-docs` or `make test`; both switch the test cache off, because it does not watch
// files outside the test's own module.
//
// It is no style guide (gofumpt and staticcheck are run by `make lint`) and knows nothing about
// behaviour.
package architecture
