// Package rewards is what a Nym-API does after the end of an epoch: it reports, puts reports into a
// block of its chain, and submits the result.
//
//	Distributor   averages the samples, signs the report once and passes it to the node, or
//	              submits it as the result without Ephemera
//	Application   decides for the node which messages make a block and which blocks to sign, and
//	              turns this member's certified block into a submission
//	Sidecar       is the Application for a node in another process
//	Submitter     posts a submission until the contract has decided
//	Receipts      keeps the contract's receipts, and notices when two contradict each other
//	Archive       keeps the winner of each epoch and the winner's block
//	Store         is the database of all of them: what is signed is durable before it is published
//
// Package verify of contract decides which reports of a block count and what result they yield.
// Package rules has the decisions that simulated Nym-APIs share. Package epoch provides the
// contract's time and epochs, package collector the measurements, and package service assembles the
// parts.
package rewards
