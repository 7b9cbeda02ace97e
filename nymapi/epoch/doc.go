// Package epoch follows the contract for a Nym-API: its time, its epochs, their descriptions, and
// how they ended.
//
// The windows of epochs do not depend on wall clocks: [Clock] measures the offset between the
// contract's clock and the program's own monotonic clock, and all Nym-APIs read the same contract.
// Descriptions are checked against the hash that the contract announced and are stored durably, so
// a restart while the contract is down loses nothing. If the contract does not respond, the clock
// retries with growing pauses and logs one warning.
//
// The package decides nothing about rewards: package rewards waits for [Clock.Changed] and reads
// [Clock.Epochs].
package epoch
