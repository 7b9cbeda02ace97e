package simulation

// random is splitmix64: a counter run through a mixer. It is the same on every machine. Its zero
// value is a fixed sequence.
type random struct{ state uint64 }

// mix is the finalizer of splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash mixes values into one number, in order. It makes random choices that do not depend on what
// happened before, so that removing one fault from a schedule does not change any other choice.
func hash(values ...uint64) uint64 {
	h := uint64(0x2545f4914f6cdd1d)
	for _, v := range values {
		h = mix(h ^ v)
	}
	return h
}

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	return mix(r.state)
}

// below returns a number in [0, n), or 0 if n is not positive.
func (r *random) below(n int) int {
	if n <= 0 {
		return 0
	}
	return int(r.next() % uint64(n))
}

// between returns a number in [low, high].
func (r *random) between(low, high int64) int64 {
	return low + int64(r.next()%uint64(max(high-low+1, 1)))
}

// permille returns true n times in a thousand.
func (r *random) permille(n int) bool { return r.below(1000) < n }

// choose returns k different numbers below n, in random order.
func (r *random) choose(n, k int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	for i := range min(k, n) {
		j := i + r.below(n-i)
		all[i], all[j] = all[j], all[i]
	}
	return all[:min(k, n)]
}
