// Package nymapi tells the rewarding scenario: how Nym-APIs decide together how well each mixnode
// was reachable. It holds no code; this is the story, with the package that each step is in.
//
// # One Nym-API, as it is today
//
//  1. Epoch. The contract says when an epoch begins and ends, which mixnodes it is about and which rules hold (package epoch).
//  2. Collect. The Nym-API measures the mixnodes at each tick and stores the samples (package collector).
//  3. Average. When the epoch is over it averages the samples of its window (package rewards, Distributor).
//  4. Sign and submit. The averages are the result. It signs them and posts them (package rewards, Submitter).
//
// The contract checks who it is, and nothing else: whatever this one Nym-API says is paid.
//
// # Many, with Ephemera
//
//  1. Epoch. As above; all read the contract's clock, nobody trusts a wall clock (package epoch).
//  2. Collect. As above, each for itself (package collector).
//  3. Average. As above. The averages are a report, not yet a result (package rewards, Distributor).
//  4. Sign. Each signs its report once, stores the bytes, and submits them to the Ephemera node that is part of it. Gossip brings them
//     to the mempools of the others.
//  5. Own block certified. When the reports of all are there, or a quarter of the epoch has passed and those of n-f are, each makes
//     them a block of its own chain. The others check it and sign it; q signatures are its certificate (package rewards, Application).
//  6. Matrix. The certified block is delivered to its creator, which counts the reports in it: rows are reporters, columns are
//     mixnodes (package verify of contract, the same function for everybody).
//  7. Estimator. The rule of the epoch makes one value of each column, such as the median: the result (package metrics).
//  8. Race. Each posts its result with block and certificate as evidence, at once or in turns (package rewards, Submitter).
//  9. Winner. The contract recomputes the result from the evidence, bit for bit, and stores the first valid one. The others learn who
//     won and keep the winner's block (package rewards, Archive).
//
// What differs: the contract believes nobody, a report is one vote among many, and anybody can
// recompute every result from signed inputs. What it takes: n-f Nym-APIs that are there, and the
// traffic of package ephemera.
//
// No block is the agreed one: blocks of two creators may differ, when reports came late, and each
// is justified; the first decides. A member that shows its report only inside its own block, and to
// nobody before, can so win every race, because its block is the first with all reports; nobody is
// left out by it, and the result is within the honest range all the same.
//
// Who composes all this: package service. The command: cmd/nymapi. Comparisons of both ways:
// package compare.
package nymapi
