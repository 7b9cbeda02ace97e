// Package simulate rewards days of epochs in virtual time: whole members of the broadcast under
// package simulation of ephemera, with an application that follows the rules of rewarding. So a
// user sees in seconds what many Nym-APIs cost before renting machines.
//
//	Config        what to simulate: the flags of `nymapi simulate`
//	Run           a day: each epoch every node hands its report in, makes a block of the reports, and the contract takes the first
//	Grow          blocks in ever larger groups, for the figures of growth
//	Find          random short days with faults and adversaries, to look for violations
//	HonestRange, Rewarded   the promises of rewarding that every run is checked against
//	Costs         what the same blocks cost under other schemes: computed, not simulated
//
// The broadcast is the code that ships. The application is a model of package rewards on the same
// data: reports are real, which of them count and what result they give is decided by package
// verify of contract, and only the waiting rules are repeated here (application.go), without
// database and clock. The contract is a model too (contract.go): it learns of a certified block at
// the moment at which its creator does, and everybody learns at once what it decided. Reports are
// signed with a cheap stand-in, see package simulation.
//
// How many Nym-APIs to run: package availability. Real nodes: package compare.
package simulate
