// Package attacker is a hostile member of a group: it has a valid key, and speaks to the honest
// members over libp2p as a node does. Attacks lists what it can do to them. Each kind of attack is
// a file of its own.
package attacker
