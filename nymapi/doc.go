// Package nymapi explains the rewarding scenario: how Nym-APIs decide together how well each
// mixnode was reachable. It holds no code, only this explanation and the package in which each step
// is.
//
// # One Nym-API, as it is today
//
//  1. Epoch. The contract says when an epoch begins and ends, which mixnodes it is about and which
//     rules apply (package epoch).
//  2. Collect. The Nym-API measures the mixnodes at each tick and stores the samples (package
//     collector).
//  3. Average. When the epoch is over it averages the samples of its window (package rewards,
//     Distributor).
//  4. Sign and submit. The averages are the result. It signs them and posts them (package rewards,
//     Submitter).
//
// The contract checks only who submits: whatever this one Nym-API reports is paid.
//
// # Many, with Ephemera
//
//  1. Epoch. As above. All read the contract's clock, and none relies on a wall clock (package
//     epoch).
//  2. Collect. As above, each on its own (package collector).
//  3. Average. As above. The averages are a report, not yet a result (package rewards,
//     Distributor).
//  4. Sign. Each signs its report once, stores the bytes, and submits them to its Ephemera node.
//     Gossip carries them to the mempools of the others.
//  5. Own block certified. When the reports of all are there, or a quarter of the epoch has passed
//     and those of n-f are, each puts them into a block of its own chain. The others check it and
//     sign it; q signatures are its certificate (package rewards, Application; package rules).
//  6. Matrix. The certified block is delivered to its creator, which counts the reports in it:
//     rows are reporters, columns are mixnodes (package verify of contract, the same function
//     everywhere).
//  7. Estimator. The epoch's rule turns each column into one value, for example its median: the
//     result (package metrics).
//  8. Race. Each posts its result with block and certificate as evidence, at once or in turns
//     (package rewards, Submitter).
//  9. Winner. The contract recomputes the result from the evidence, bit for bit, and stores the
//     first valid one. The others learn who won and keep the winner's block (package rewards,
//     Archive).
//
// The differences: the contract trusts nobody, a report is one vote among many, and anybody can
// recompute every result from signed inputs. The costs: n-f Nym-APIs must be online, and package
// ephemera causes traffic.
//
// There is no single agreed block. Blocks of two creators may differ when reports arrive late; each
// is justified, and the first one submitted decides. A member that reveals its report only inside
// its own block can therefore win every race, because its block is the first with all reports. It
// excludes nobody, and the result stays within the honest range.
//
// Package service puts a Nym-API together, cmd/nymapi is the command, package compare runs both
// scenarios side by side, and package simulate runs the second in virtual time.
//
// All packages of this module are unstable: they exist for its command.
package nymapi
