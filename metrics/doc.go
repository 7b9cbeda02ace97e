// Package metrics is the uptime model of the rewarding scenario: what a Nym-API measures about the
// mixnodes, how it summarises an epoch in a [Report], how the reports of several Nym-APIs become a
// [Matrix], and how an [Estimator] turns each column of the matrix into one uptime. These uptimes
// are the [Result], which is paid.
//
// A value passes through these types:
//
//	Sample -> Average -> Report -> Matrix -> Estimator, applied by a Rule -> Result
//
// Everything that machines sign, hash or compare consists of integers: a sample is a whole percent,
// an [Uptime] is in hundredths of a percent, sums are int64, and each average is rounded only once,
// half up, at the end. A missing value is [Missing], never 0. The same matrix therefore yields the
// same result, bit for bit, on every machine and for every order of its rows.
//
// The package is pure: no clock, goroutine, randomness, input or output. It depends only on the
// standard library and a CBOR codec. Who may report, how reports travel and which reports count is
// up to other packages.
//
// Other programs may depend on this package. Its subpackages are unstable: trace reads recorded
// measurements, world simulates them.
//
// Read next: estimator.go for the rules, codec.go for the encoding.
package metrics
