// Package server serves a node's API over HTTP, with an OpenAPI 3.1 description, a page for people
// that loads nothing from elsewhere, and blocks over a WebSocket. It depends on the interface
// api.API and not on the node behind it.
//
// New binds the listener, Run serves until its context ends. NewAdmin makes a second server on a
// listener of its own for profiles and for signing with the node's key. Every error is a problem
// document (RFC 9457). Slow, frequent or malformed requests do not keep other callers from being
// served: bodies, headers, durations, connections, requests per second and subscribers are bounded.
//
// The package is unstable: it is public only because the modules of this repository share it.
package server
