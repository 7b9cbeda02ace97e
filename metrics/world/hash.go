package world

import "math/bits"

// state is a hash of the words that were put into it. With S the state and w a word,
//
//	S' = mix64((S xor w) + 0x9e3779b97f4a7c15)
//
// where mix64 is the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014; constants of
// Stafford's variant 13). For consecutive words that is the SplitMix64 generator itself, and for
// one S different words never collide. The first state is the seed; the first word says what is
// drawn, so that no two kinds of draw share their bits.
type state uint64

// What is drawn, the first word after the seed.
const (
	drawKind    = iota + 1 // then the mixnode: which kind it is
	drawQuality            // then the mixnode: p of a mediocre one
	drawLoss               // then the Nym-API and the mixnode
	drawSample             // then the Nym-API, the mixnode, the tick: 0 is it lost, 1.. packets, two in each
	drawFlap               // then the mixnode, the span: 0 its first state, 1.. how long each lasts
	drawUniform            // then the Nym-API, the mixnode, the tick: 0 is it lost, 1 its value
)

// with returns the state after another word.
func (s state) with(word uint64) state {
	z := (uint64(s) ^ word) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return state(z ^ z>>31)
}

// fraction returns the upper 32 bits: uniform in [0, one).
func (s state) fraction() uint64 { return uint64(s) >> 32 }

// below returns a number uniform in [0, n), but for a bias of less than n/2^64 (Lemire's
// multiplication).
func (s state) below(n uint64) uint64 {
	high, _ := bits.Mul64(uint64(s), n)
	return high
}

// one is the probability 1: probabilities are whole numbers of 2^-32.
const one = 1 << 32

// exponential returns an exponentially distributed number with mean 1, in units of 1/subTicks:
// -ln(u) for u uniform in (0, 1], so at most 64 ln 2.
func (s state) exponential() int64 {
	const ln2 = 726817 // ln 2 x 2^20
	return int64((64<<32 - log2(uint64(s)|1)) * ln2 >> 32)
}

// log2 returns the binary logarithm of x > 0 in units of 2^-32, rounded down: the position of its
// highest bit, then one bit of the fraction for each squaring. math.Log2 may differ in the last bit
// from one architecture to the next.
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
