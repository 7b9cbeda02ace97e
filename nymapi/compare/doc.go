// Package experiment rewards one simulated world twice, by a single Nym-API and by many with
// Ephemera, and says how the two differ: what was paid against the truth, what was missed, how long
// it took and how much was sent.
//
// A [Config] says what to run; its [Config.Plan] holds everything that is decided before anything
// starts: sources, truth, who lies, who is away. [Run] starts the real thing in one process: for
// each mode a contract server on HTTP and SQLite with as many Nym-APIs as take part (package
// service), on loopback and on ports that are free. Afterwards the contracts' own records are
// scored ([NewSummary]) and written ([WriteFiles], [WriteText]).
//
// The truth of the simulated world is known here alone: no Nym-API and no contract can read it.
// Scores are floating-point figures for people; nothing that is signed or compared between machines
// is computed from them.
//
// The package is not part of a node: it is the only one that may run a contract beside Nym-APIs.
// Where to read next: plan.go (what is fixed before the start), run.go (the run), score.go (what
// the figures mean).
package compare
