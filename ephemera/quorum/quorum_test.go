package quorum_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

func TestKnownSizes(t *testing.T) {
	for _, c := range [][3]int{{1, 0, 1}, {2, 0, 2}, {3, 0, 2}, {4, 1, 3}, {6, 1, 4}, {7, 2, 5}, {10, 3, 7}, {100, 33, 67}} {
		require.Equal(t, c[1], quorum.Faulty(c[0]), "f of n=%d", c[0])
		require.Equal(t, c[2], quorum.Size(c[0]), "q of n=%d", c[0])
	}
}

// Each formula is compared with a brute-force search for the number that it defines.
func TestFormulasMatchTheirDefinitions(t *testing.T) {
	for n := 1; n <= 200; n++ {
		f := 0
		for 3*(f+1)+1 <= n {
			f++
		}
		require.Equal(t, f, quorum.Faulty(n), "n=%d: the largest f with 3f+1 <= n", n)
		q := 1
		for 2*q-n <= f { // the smallest overlap of two sets of q members must exceed f
			q++
		}
		require.Equal(t, q, quorum.Size(n), "n=%d: the smallest q whose pairs share a correct member", n)
		require.GreaterOrEqual(t, n-f, q, "n=%d: the correct members are a quorum", n)
		require.GreaterOrEqual(t, q-f, f+1, "n=%d: f+1 correct signers hold a certified block", n)
		require.Equal(t, n-f, quorum.Correct(n))
		require.LessOrEqual(t, quorum.Coverage(n), n-f, "n=%d: the correct members alone give coverage", n)
	}
}
