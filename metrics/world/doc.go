// Package world makes up measurements: [World] is a simulated network of mixnodes whose true uptime
// is known, and [Uniform] is the noise that the original prototype rewarded. Recorded ones are in
// package trace.
//
// Every draw is a hash of the seed, the Nym-API, the mixnode and the tick (see hash.go), never the
// next number of a generator. A value therefore depends neither on when it is asked for, nor on
// what was asked before or by whom, and is the same on every machine: all arithmetic that makes it
// is on integers. Two runs with one seed measure the same, and the truth can be computed again by
// anybody who knows the seed.
//
// Nym-APIs are numbered from 1, mixnodes by their index from 0, ticks from 0. Whatever does not
// exist (a mixnode out of range, a negative tick) has no value and no truth; nothing panics. Both
// sources are immutable and safe for concurrent use.
//
// The package is unstable: it is public only because the modules of this repository share it.
package world
