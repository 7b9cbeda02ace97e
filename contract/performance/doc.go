// Package performance has the rules of Nym's performance contract: authorised monitors submit what
// they measured of each node in the current epoch, and the median of their values decides what the
// node is paid. [Contract] is its state, and its methods are the messages and queries.
//
// The rules are those of openspec/specs/performance-contract/spec.md in the repository nymtech/nym,
// as of September 2026; the comments name its requirements. The types are those of the rules, not
// of messages: paging, block heights and the limit of 200 removals per message are not here.
//
// A value passes through these types:
//
//	decimal string -> Percent -> Values of a submission -> Bundle -> medians -> Weights.Score
//
// A program that needs only medians and scores uses [Bundle] and [Weights] without a [Contract].
//
// The package is pure: no clock, goroutine, randomness, input or output. All arithmetic is that of
// integers. A Contract must not be used concurrently.
package performance
