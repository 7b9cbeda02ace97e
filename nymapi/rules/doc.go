// Package rules holds the decisions about reports and blocks that running and simulated Nym-APIs
// must make alike: which messages have the form of a report ([Read], [Admit]), which epoch a block
// is about ([ClaimOf]), how long blocks wait for missing reports ([Window]), and how much a mempool
// holds ([Mempool]).
//
// Everything here is a pure function. Package verify of contract decides which reports count and
// what result they yield. Packages rewards and simulate use both.
package rules
