// Package ephemera is Byzantine reliable broadcast of blocks of signed messages in a known group.
//
// Each member makes its own chain of blocks. Every correct member ends up with every certified
// block, and each block carries a certificate that anybody can verify offline. There is no leader
// and no order across creators.
//
// A program creates a Node with an Application and calls Run: see the examples. Home.Node of
// package home returns a node whose key, store and record of votes are in one folder. Package
// policy makes an Application of functions. The rules R1..R9 that the node follows are in
// docs/PROTOCOL.md.
//
// The packages from the bottom up: quorum, keys, membership, block, certificate and verdict define
// what is signed and decided; mempool, wire and the internal packages broadcast and engine are the
// pure core; transport and store are the interfaces of the adapters; and this package runs the only
// goroutines around the core. Package api/local is a node's API for programs.
package ephemera
