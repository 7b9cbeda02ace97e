// Package broadcast is certified reliable broadcast in one group as a pure automaton: rules R1 to
// R5, R7 and R8 of docs/PROTOCOL.md, the per-chain part of R6 (pulling certified blocks), and the
// closing of a group (R9).
//
// An Instance is told what happened and answers with Effects, in the order in which they must be
// carried out: persist before sign before send before deliver. It has no goroutine, clock,
// randomness, disk or log; what it is told was verified by package wire. Members are named by their
// place in the group. Package engine puts it together with the mempool; package ephemera runs it.
package broadcast
