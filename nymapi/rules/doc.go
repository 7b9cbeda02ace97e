// Package rules holds what every Nym-API decides in the same way about reports and blocks, and the
// simulation of Nym-APIs with it: which messages have the form of a report ([Read]), which epoch a
// block is about ([ClaimOf]), how long an epoch's blocks wait for missing reports ([Window]), and
// how much a mempool holds ([Mempool]).
//
// Everything here is a function of its arguments. Which reports count, and what result they give,
// is package verify of contract. Who asks: packages rewards and simulate.
package rules
