// Package world simulates measurements. [World] is a simulated network of mixnodes whose true
// uptime is known, [Uniform] the noise that the original prototype rewarded. Package trace reads
// recorded measurements.
//
// Every draw is a hash of the seed, the Nym-API, the mixnode and the tick (package draw), never the
// next number of a generator. So a value does not depend on when it is read or on what was read
// before, and integer arithmetic makes it the same on every machine. Two runs with one seed measure
// the same, and anybody who knows the seed can compute the truth.
//
// Nym-APIs are numbered from 1, mixnodes by their index from 0, ticks from 0. A sample that does
// not exist (a mixnode out of range, a negative tick) has no value and no truth; nothing panics.
// Both sources are immutable and safe for concurrent use.
//
// The package is unstable: it is public only because the modules of this repository share it.
package world
