// Package ephemera is Byzantine reliable broadcast of blocks of signed messages in a known group.
//
// Each member makes its own chain of blocks. Every correct member ends up with every certified
// block, and each block carries a certificate that a stranger can check offline. There is no leader
// and no order across creators.
//
// A program makes a Node, gives it an Application, and calls Run: see the examples. Home.Node of
// package home makes a node whose key, store and record of votes are in one folder. Package policy
// makes an Application of functions. The rules R1..R9 that the node
// follows are in docs/PROTOCOL.md; the rooms of the house, from the leaves up: quorum, keys,
// membership, block, certificate (what is signed); broadcast, mempool, engine, wire (the pure
// core); transport, store (adapters); and this package, which runs the only goroutines around the
// core.
package ephemera
