// Package broadcast is certified reliable broadcast in one group as a pure automaton: rules R1 to
// R5, R7 and R8 of docs/PROTOCOL.md, the per-chain part of R6 (pulling certified blocks), and the
// closing of a group (R9).
//
// An Instance is told what happened and returns Effects in the order in which they must be carried
// out: persist before sign before send before deliver. That order is the safety argument: whatever
// a member signs or sends, it has stored.
//
// An Instance has no goroutine, clock, randomness, disk or log, and checks no signature: package
// wire verified what it is told. Members are named by their place in the group. Package engine
// joins the instances of several groups with the mempool; package ephemera runs the engine.
package broadcast
