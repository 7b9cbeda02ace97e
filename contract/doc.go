// Package contract holds what a Nym-API and the simulated smart contract exchange: signed data with
// one canonical encoding (Description, Submission, Receipt, Record, Core, Annex, Enrolment), the
// JSON of the endpoints, and problem documents.
//
// The package has no server, client, clock or storage. Signed types are CBOR arrays (package
// canonical of ephemera): a value has exactly one encoding, and what is signed begins with a domain
// tag and the network's name. Decoders return only values that keep the rules of their type.
// Package verify decides whether a submission is justified, package verify/check checks the
// evidence of settled epochs, and package client makes the requests.
//
// Other programs may depend on the packages contract, client, verify and verify/check. All other
// packages of the module are unstable.
package contract
