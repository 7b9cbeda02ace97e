// Package draw draws reproducible random numbers. Every draw is a hash of the words that say what
// is drawn, never the next number of a generator, so it does not depend on what was drawn before,
// and integer arithmetic makes it the same on every machine. It is not for secrets.
package draw

import "math/bits"

// State is a hash of a sequence of words. With state S and the next word w,
//
//	S' = mix64((S xor w) + 0x9e3779b97f4a7c15)
//
// where mix64 is the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014; constants of
// Stafford's variant 13). For consecutive words this is the SplitMix64 generator itself, and for
// one S different words never collide. The first state is the seed. The first word says what is
// drawn, so that different kinds of draw share no bits.
type State uint64

// With returns the state after another word.
func (s State) With(word uint64) State {
	z := (uint64(s) ^ word) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return State(z ^ z>>31)
}

// Fraction returns the upper 32 bits: uniform in [0, [One]).
func (s State) Fraction() uint64 { return uint64(s) >> 32 }

// Below returns a number uniform in [0, n), with a bias of less than n/2^64 (Lemire's
// multiplication).
func (s State) Below(n uint64) uint64 {
	high, _ := bits.Mul64(uint64(s), n)
	return high
}

// One is the probability 1. Probabilities are multiples of 2^-32.
const One = 1 << 32

// Exponential returns an exponentially distributed number with mean 1, in units of 2^-20:
// -ln(u) for u uniform in (0, 1], which is at most 64 ln 2.
func (s State) Exponential() int64 {
	const ln2 = 726817 // ln 2 x 2^20
	return int64((64<<32 - log2(uint64(s)|1)) * ln2 >> 32)
}

// log2 returns the binary logarithm of x > 0 in units of 2^-32, rounded down: the position of its
// highest bit, then one bit of the fraction for each squaring. The last bit of math.Log2 may differ
// between architectures.
func log2(x uint64) uint64 {
	shift := bits.LeadingZeros64(x)
	result := uint64(63-shift) << 32
	m := x << shift // x / 2^position, in units of 2^-63: in [1, 2)
	for bit := uint64(1 << 31); bit > 0; bit >>= 1 {
		high, low := bits.Mul64(m, m)
		if high >= 1<<63 {
			result |= bit
			m = high
		} else {
			m = high<<1 | low>>63
		}
	}
	return result
}
