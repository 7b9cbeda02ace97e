// Package api is what programs ask of a node: one interface, the types of its requests and answers,
// and its errors.
//
// There are three ways in, and they behave alike (package apitest holds them to it): in-process by
// package local, over HTTP by package client, and in any language by the endpoints and the WebSocket
// of package server, whose OpenAPI description is served at /openapi.json. All errors are Problems,
// whose Kind tells callers what happened: errors.Is(err, api.NotFound).
//
// In JSON, IDs, keys, hashes, signatures and canonical bytes are hexadecimal, payloads are base64,
// and times are milliseconds since 1970. Whoever does not trust the node that answers checks
// offline: Block.Canonical, Certificate.Verify and Inclusion.Verify need a group that the reader
// trusts, and bytes. Nothing here has a socket.
package api
