// Package api is everything that a Nym-API and the simulated smart contract say to each other:
// signed data with one canonical encoding (Description, Submission, Receipt, Enrolment, Bundle),
// the JSON of the endpoints, and the problem documents.
//
// The package holds no server, client, clock or storage. Signed types are CBOR arrays (package
// canonical of ephemera): the bytes of a value are unique, and what is signed carries a domain tag
// and the network's name. Whoever decodes them gets values that keep the rules of their type;
// whether a submission is justified is another question: package verify. How to ask the contract:
// package client.
package contract
