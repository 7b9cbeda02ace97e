// Package service assembles and runs one Nym-API: folder, key and databases, enrolment at the
// contract, the embedded Ephemera node, the collector, and the parts of package rewards.
//
// With Config.Daemon the Nym-API runs in sidecar mode: its node is an Ephemera daemon, which holds
// the key, the vote store and the connections. The Nym-API's folder then holds only samples,
// reports and submissions. It lets the daemon sign, decides for it about messages and blocks, and
// follows its certified blocks.
//
// A start continues where the last one stopped. The folder holds the key, what was signed and the
// members, so a Nym-API that knows its group also starts while the contract is down. This package
// chooses the adapters: SQLite, libp2p and the contract's HTTP client. Command nymapi runs one
// Nym-API, package compare many in one process.
package service
