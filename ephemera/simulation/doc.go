// Package simulation tries to break the broadcast: whole members - the shipped engine, a disk that
// loses what was not synced, the marker beside it, a mempool, an application - run in one thread of
// discrete events, with a network, faults and adversaries that a Schedule decides. The same
// schedule is the same run, event by event, on every machine and any number of cores.
//
//	result, err := simulation.Run(simulation.Draw(seed, simulation.Range{}), simulation.Options{})
//
// A checker keeps its own books and believes no engine: the guarantees of docs/PROTOCOL.md one by
// one, the order of persisting and signing, what a member may never sign twice, delivery in chain
// order, and the bounds. Promises that need time are judged after the faults have ended, within a
// deadline of virtual time; adversaries go on for ever. A broken promise is a Violation.
//
// Search draws schedules from consecutive seeds and runs them on all cores, one to a goroutine.
// What fails is shrunk: faults, adversaries and submissions are taken out while it fails. Command
// cmd/search is the search for people:
//
//	go run ./ephemera/simulation/cmd/search -minutes 30
//	go run ./ephemera/simulation/cmd/search -schedules 20000 -seed 1 -adversaries equivocate,hidden
//	go run ./ephemera/simulation/cmd/search -replay '{"Seed":7,…}'
//
// Subpackage planted shows that the search finds what is there: it builds the simulator with one
// bug after the other.
//
// # What is modelled
//
// Each effect of an engine is carried out alone, so a crash may fall between any two (CrashStep),
// or a step's persists come first as in the shipped runner (Schedule.Batch). Persists are synced;
// delivery cursors ride with the next one. A store can be lost or put back from a copy older than
// its last start: the marker notices (R8) and the node is muted in the groups up to the marker's;
// it counts among the faulty there. A copy made since the last start is not simulated, for nothing
// can tell it apart. Applications answer after a while, say later to blocks that name data which
// has not come, and reject poison. Clocks drift and differ. Groups come at another moment at each
// member, in the order of their numbers.
//
// Signatures are a keyed hash, checked where shipped code checks Ed25519; what is signed is the
// same. One schedule in a hundred runs on Ed25519 with every frame encoded and opened by package
// wire. Frames that adversaries make pass package wire's decoder in any case.
//
// # What is not
//
// Goroutines, sockets, SQL and GossipSub: tests of packages ephemera, store and transport look at
// those. Retention of bodies. Processing takes no time, and a link has no bandwidth.
//
// Where to read next: schedule.go (what a schedule may hold), world.go (the loop), guarantees.go
// (what is checked), adversary_*.go (who attacks, and what a naive node would lose).
//
// The package is unstable: it is public only because the modules of this repository share it.
package simulation
