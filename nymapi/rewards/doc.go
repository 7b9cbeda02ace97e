// Package rewards is what a Nym-API does about an epoch that ended: it reports, makes a block of
// reports its own, and submits the result.
//
//	Distributor   averages what was measured, signs the report once and hands it to the node (or submits it, without Ephemera)
//	Application   tells the node which messages make a block, which blocks to sign, and turns the own certified block into a submission
//	Submitter     posts a submission until the contract has decided
//	Archive       keeps who won, and the winner's block
//	Store         the database under all four: whatever is signed is durable before it is seen
//
// Which reports of a block count, and what result they give, is package verify of contract, the
// same for everybody. The contract's time and epochs come from package epoch, measurements from
// package collector, and package service puts the parts together.
package rewards
