// Package api is the interface of a node for programs: one Go interface, the types of its requests
// and responses, and its errors.
//
// There are three ways to use it, and one conformance suite (package apitest) that all of them
// pass: package local in the node's process, package client over HTTP, and from any language the
// HTTP endpoints and the WebSocket of package server, which serves its OpenAPI description at
// /openapi.json. Every error is a Problem, and its Kind says what happened: errors.Is(err,
// api.NotFound).
//
// In JSON, IDs, keys, hashes, signatures and canonical bytes are hexadecimal, payloads are base64,
// and times are milliseconds since 1970. A caller that does not trust the node can verify its
// responses offline: Block.Canonical, Certificate.Verify and Inclusion.Verify need only the bytes
// and a group that the caller trusts. Nothing in this package opens a socket.
package api
