// Package compare rewards the same world twice, with a single Nym-API and with many that use
// Ephemera, and reports how the two differ: what was paid compared with the truth, what was missed,
// how long it took and how much was sent.
//
// A [Config] says what to run. Its [Config.Plan] holds everything that is decided before the start:
// sources, truth, liars and offline Nym-APIs. [Run] starts real parts in one process. For each mode
// these are a contract server with HTTP and SQLite and the Nym-APIs that take part (package
// service), on loopback and free ports. Afterwards the records of the contracts are scored
// ([NewSummary]) and written ([Folder.Write], [WriteText]).
//
// Only this package knows the truth of the simulated world: no Nym-API and no contract can read it.
// Scores are floating-point numbers for people. Nothing that is signed or compared between machines
// depends on them.
//
// The package is not part of a node, and it is the only one that may run a contract next to
// Nym-APIs. Read next: plan.go (what is decided before the start), run.go and moderun.go (the run),
// score.go (what the numbers mean).
package compare
