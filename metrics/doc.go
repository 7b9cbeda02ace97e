// Package metrics is the uptime model of the rewarding scenario: what a Nym-API measures about the
// mixnodes, how one Nym-API sums up an epoch in a [Report], how the reports of several become a
// [Matrix], and how an [Estimator] turns each column of it into the one uptime that is paid, the
// [Result].
//
// The way of a figure through the package:
//
//	Sample -> Average -> Report -> Matrix -> Estimator, applied by a Rule -> Result
//
// Everything that machines sign, hash or compare is made of integers: a sample is a whole percent,
// an [Uptime] is in hundredths of a percent, sums are int64, and each average is rounded once, half
// up, at its end. A value that is not there is [Missing], never 0. The same matrix therefore gives
// the same result, bit for bit, on every machine and in whatever order its rows arrived.
//
// The package is pure: no clock, no goroutine, no randomness, no input or output, and nothing but
// the standard library and a CBOR codec below it. It knows neither who may report nor how reports
// travel: signatures, blocks and the rules about which reports count belong to the packages that
// carry and verify them.
//
// Other programs may depend on this package. Its subpackages are unstable: trace reads recorded
// measurements, world simulates them.
//
// Read next: estimator.go for the rules themselves, codec.go for the bytes.
package metrics
