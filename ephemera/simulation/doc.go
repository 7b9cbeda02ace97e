// Package simulation tries to break the broadcast. Whole members run in one thread of discrete
// events: the shipped engine, a disk that loses what was not synced, the marker next to it, a
// mempool and an application. A Schedule decides the network, the faults and the adversaries. The
// same schedule is the same run, event by event, on every machine and any number of cores.
//
//	result, err := simulation.Run(simulation.Draw(seed, simulation.Range{}), simulation.Options{})
//
// Every frame that reaches a correct member passes its admission (package admission), whose budgets
// are small here.
//
// A checker keeps its own records and trusts no engine. It checks the guarantees of
// docs/PROTOCOL.md one by one, the order of persisting and signing, what a member may never sign
// twice, delivery in chain order, and the bounds. Promises that need time are judged after the
// faults have ended, within a deadline of virtual time; adversaries never stop. A broken promise is
// a Violation.
//
// Search draws schedules from consecutive seeds and runs them on all cores, one per goroutine. It
// shrinks a failing schedule: it removes faults, adversaries and submissions while the schedule
// still fails. Command cmd/search runs it:
//
//	go run ./ephemera/simulation/cmd/search -minutes 30
//	go run ./ephemera/simulation/cmd/search -schedules 20000 -seed 1 -adversaries equivocate,hidden
//	go run ./ephemera/simulation/cmd/search -replay '{"Seed":7,…}'
//
// Subpackage planted shows that the search finds bugs: it builds the simulator with one planted bug
// after the other.
//
// # What is modelled
//
// Effects of an engine are carried out one at a time, so a crash may fall between any two
// (CrashStep), or a step's persists come first as in the shipped runner (Schedule.Batch), which may
// also step through several events before one commit (Linger). Persists are synced; delivery
// cursors travel with the next persist. A store can be lost, or restored from a copy older than its
// last start, and a disk can lose the last commits that it acknowledged (Revert). The marker and
// the counter of votes notice it (R8): the node is muted in the groups up to the marker's, and
// counts among the faulty there. If they are reverted too (RevertAll), nothing can tell, and the
// node counts as Byzantine. Retention removes the messages of old blocks (Prune, PruneAge). Chains
// have rates that some of them reach, and disks fill (FillDisk). Wall clocks are set forward and
// back (StepClock), by up to decades, while mempools remember few messages and clients repeat what
// they submitted. Applications answer after a while, say later to blocks that name data which has
// not come, and reject poison. They say later to some messages (Schedule.Later), or answer nothing
// for a while (Hang). Clocks drift and differ. In some schedules more than f members sign double
// (Fork): there the alarm is judged in place of consistency. Each member hears of a group at
// another moment, but of all groups in the order of their numbers.
//
// A signature is a keyed hash, checked where shipped code checks Ed25519; the signed bytes are the
// same. One schedule in a hundred uses Ed25519, and encodes every frame and opens it with package
// wire. In these schedules a real SQLite store runs next to the disk of one node, and a Pebble
// store next to that of another (package realstore): every write goes to both, and what is read
// from both must be the same. Frames that adversaries make pass the decoder of package wire in any
// case.
//
// With Schedule.Costs, a node that is not Byzantine has one processor, on which work takes as long
// as it was measured on the shipped code (measuredCosts). The threads of the shipped node take
// turns on it: one per peer that decodes and verifies its direct frames, one per peer for its
// gossip, the loop that owns the engine and shares commits, and the reader of the store. What was
// verified is remembered. The transport's rate limits, offences and cuts are those that package
// limits derives. With Schedule.LinkRate, a frame takes time on its link, whose queue is bounded
// and stops while the receiver does not read. Without them, processing takes no time, and a link
// has no bandwidth.
//
// # What is not modelled
//
// Goroutines, sockets and GossipSub: the tests of packages ephemera and transport cover those.
// Garbage collection, and work that other programs do on the same processor, take no time.
//
// # Where to read next
//
// What a schedule may hold is in schedule.go, the loop in world.go, what is checked in checker.go,
// guarantees.go and liveness.go. The model of costs begins in load.go. Each adversary_*.go says
// what its adversary does and what a naive node would lose to it.
//
// The package is unstable: it is public only because the modules of this repository share it.
package simulation
