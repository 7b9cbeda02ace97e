// Package shadow reads the measurements in the database of a Nym-API of Nym's mixnet, and says
// what each rule of this repository would have scored, how much the submitters disagree, and what
// the single mean that decides today pays compared with the others: in points, in NYM, and in the
// chance to be drawn.
//
// A [Config] says what to read. [Run] reads the rows (package rows), folds them into epochs and
// scores them (package window), measures the disagreement (package spread) and returns a [Run]
// with its [Summary], which is written as text, JSON, CSV and a page for browsers.
//
// Submitters are taken for Nym-APIs: what an orchestrator measured in an epoch is what a Nym-API
// would report. Nobody knows the truth here, so there are differences and no errors. Nothing is
// written to the database, signed or sent.
package shadow
