// Package server serves a node's API over HTTP, with an OpenAPI 3.1 description, a page for people
// that needs no network, and blocks over a WebSocket. It knows the interface api.API and nothing of
// the node behind it.
//
// New binds the listener, Run serves until its context ends. NewAdmin is the handler for a listener
// of its own: profiles, and signing with the node's key. Every answer that is not an endpoint's is
// a problem document (RFC 9457). Nobody who asks slowly, much or nonsense keeps others from being
// answered: bodies, headers, times, connections, requests per second and subscribers are bounded.
//
// The package is unstable: it is public only because the modules of this repository share it.
package server
