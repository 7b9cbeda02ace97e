// Package soak tests a cluster of daemons under load while processes are killed and the membership
// changes. It observes them only from outside: processes, files, HTTP and WebSocket. It contains
// only tests. The short form is part of `make test`. The long form takes ten minutes and is part of
// `make test-long`, or run
//
//	go test ./ephemera/internal/soak -v -timeout 20m
package soak
