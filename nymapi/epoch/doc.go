// Package epoch keeps a Nym-API's picture of the contract: what time it is there, which epochs
// there are, what is fixed about them, and how they ended.
//
// Nobody's wall clock is trusted for the window of an epoch: [Clock] measures how far the
// contract's clock is from the program's own monotonic one, and everybody reads the same contract.
// Descriptions are checked against the hash that the contract announced and are kept durably, so
// that a restart while the contract is away loses nothing. A contract that does not answer is asked
// again, less and less often, and the log says so once.
//
// The package decides nothing about rewards: package rewards waits for [Clock.Changed] and reads
// [Clock.Epochs].
package epoch
