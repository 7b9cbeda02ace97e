// Package experiment compares ways of deciding what mixnodes are paid, over many simulated worlds:
// which rule, how many Nym-APIs, at what price. [Play] plays one cell of a grid with one seed:
// honest observers measure, liars replace their reports, and each way pays. All ways see the same
// measurements and gaps, so that differences between them are paired. It is pure and deterministic:
// no network, no clock, no file.
//
// Package observe is what Nym-APIs measure, package lies is what liars report, and package payout
// of nymapi is the ways.
package experiment
