// Package soak runs daemons for minutes under load, kills and membership changes, and looks at them
// from outside, as people would: processes, files, HTTP and WebSocket. It holds tests only. The
// short form is part of `make test`; the long one, of `make test-long`, takes ten minutes: go test
// ./ephemera/soak -v -timeout 20m.
package soak
