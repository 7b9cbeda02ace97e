// Package simulate rewards days of epochs in virtual time: complete members of the broadcast, run
// by package simulation of ephemera, with an application that follows the rules of rewarding. It
// shows within seconds what many Nym-APIs cost, without any machines.
//
//	Config        what to simulate: the flags of `nymapi simulate`
//	Run           a day: in each epoch every node submits its report and makes a block of reports,
//	              and the contract accepts the first valid block
//	Grow          blocks in larger and larger groups, for the figures of growth
//	Find          random short days with faults and adversaries, to search for violations
//	HonestRange, Rewarded   the invariants of rewarding that every run is checked against
//	Costs         the costs of the same blocks under other schemes, computed by formulas
//
// The broadcast is the production code. The application is a model of package rewards without
// database and clock (application.go): reports are real, package rules decides about messages,
// blocks and waits, and package verify of contract decides which reports count and what they yield.
// The contract is a model too (ledger.go): it learns of a certified block when the block's creator
// does, and all members learn its decisions at once. Reports are signed with a cheap replacement,
// see package simulation.
//
// Package availability computes how many Nym-APIs to run. Package compare runs real nodes.
package simulate
