// Package quorum computes how many members of a group may be Byzantine and how many must agree. The
// formulas hold for every n >= 1, not only for n = 3f+1.
//
// At most Faulty(n) of n members may be Byzantine. Any two sets of Size(n) members then share a
// correct member, because 2·Size(n) - n > Faulty(n). The correct members alone form such a set,
// because n - Faulty(n) >= Size(n). PROTOCOL.md §1 has the derivations (Q1 to Q3).
package quorum

// Faulty returns f = floor((n-1)/3), the largest number of Byzantine members that a group of n >= 1
// tolerates.
func Faulty(n int) int { return (n - 1) / 3 }

// Size returns q = floor((n+f)/2)+1, the number of distinct members whose echoes certify a block in
// a group of n >= 1.
func Size(n int) int { return (n+Faulty(n))/2 + 1 }

// Correct returns n-f, the smallest number of correct members in a group of n >= 1.
func Correct(n int) int { return n - Faulty(n) }

// Coverage returns 2f+1. The median of that many values, at most f of them dishonest, lies between
// two honest values.
func Coverage(n int) int { return 2*Faulty(n) + 1 }
