// Package service puts one Nym-API together and runs it: folder, key and databases, enrolment at
// the contract, the embedded Ephemera node, the collector, and everything that package rewards does
// at the end of an epoch.
//
// With Config.Daemon the node is another process: key, vote store and peers are there, and this one
// has a folder for samples, reports and submissions. It has the daemon sign, answers its questions
// about messages and blocks, and follows its certified blocks.
//
// A start goes on where the last one stopped: the folder holds the key, what was signed and the
// members, so that a Nym-API that knows its group starts also while the contract is away. Adapters
// are chosen here: SQLite, libp2p and the contract's HTTP client. What runs a Nym-API as a program:
// cmd/nymapi; what runs many in one process: package compare.
package service
