// Package scenes replays what operators of Nym and of similar systems reported: an outage of a
// monitor, a bug that all observers share, a region that none of them reaches. Each scene has a
// file: what happened there, what mixnodes are paid here under each way of deciding it, and what it
// teaches, also where a median does not help.
//
// It is pure: the numbers come from the rules of packages payout, verify and performance over a
// simulated world, without network, clock or files. Package experiment has the statistics of many
// worlds; a scene shows one.
//
// To add a scene, write a file with a function that returns it, and add a line to [All].
package scenes
