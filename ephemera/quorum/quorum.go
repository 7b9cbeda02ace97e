// Package quorum is the arithmetic of Byzantine groups, exact for every n and not only for
// n = 3f+1.
//
// Of n members at most Faulty(n) may be Byzantine. Any two sets of Size(n) members share a correct
// one, because 2·Size(n) - n > Faulty(n), and the correct members alone are such a set, because n -
// Faulty(n) >= Size(n).
package quorum

// Faulty returns f = floor((n-1)/3), the number of Byzantine members that a group of n >= 1
// tolerates.
func Faulty(n int) int { return (n - 1) / 3 }

// Size returns q = floor((n+f)/2)+1, the number of distinct echoes that make a certificate in a
// group of n >= 1.
func Size(n int) int { return (n+Faulty(n))/2 + 1 }

// Correct returns n-f, the number of members that are correct at least.
func Correct(n int) int { return n - Faulty(n) }

// Coverage returns 2f+1, the number of values of which the middle one lies between two honest ones.
func Coverage(n int) int { return 2*Faulty(n) + 1 }
