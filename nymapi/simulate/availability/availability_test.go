package availability

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"math/big"
	"math/bits"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

var update = flag.Bool("update", false, "rewrite golden files")

func share(t require.TestingT, text string) Share {
	s, err := ParseShare(text)
	require.NoError(t, err)
	return s
}

// everyWay adds the probabilities of all 2^n combinations of n Nym-APIs that lose the epoch.
func everyWay(n int, up *big.Rat) *big.Rat {
	down, sum := new(big.Rat).Sub(big.NewRat(1, 1), up), new(big.Rat)
	for way := range uint(1) << n {
		if bits.OnesCount(way) >= quorum.Correct(n) {
			continue
		}
		p := big.NewRat(1, 1)
		for i := range n {
			if way>>i&1 == 1 {
				p.Mul(p, up)
			} else {
				p.Mul(p, down)
			}
		}
		sum.Add(sum, p)
	}
	return sum
}

func TestLostIsTheSumOverEveryWayToBeUpOrDown(t *testing.T) {
	for _, text := range []string{"0", ".3", ".95", "0.999", "1"} {
		for n := 1; n <= 9; n++ {
			up := share(t, text)
			require.Zero(t, everyWay(n, up.exact).Cmp(Lost(n, up)), "n = %d, up %s", n, text)
		}
	}
}

func TestLostByHand(t *testing.T) {
	for _, tt := range []struct {
		n    int
		up   string
		want float64
	}{
		{1, ".95", 0.05},
		{2, ".95", 0.0975},       // 1 - .95²
		{3, ".95", 0.142625},     // 1 - .95³
		{4, ".95", 0.01401875},   // 1 - .95⁴ - 4·.05·.95³
		{4, ".99", 0.00059203},   // 1 - .99⁴ - 4·.01·.99³
		{7, ".5", 99.0 / 128},    // fewer than 5 of 7 heads: 1 - (21+7+1)/128
		{10, ".5", 848.0 / 1024}, // fewer than 7 of 10 heads: 1 - (120+45+10+1)/1024
	} {
		got, _ := Lost(tt.n, share(t, tt.up)).Float64()
		require.InDelta(t, tt.want, got, 1e-12, "n = %d, up %s", tt.n, tt.up)
	}
}

func TestTwoOrThreeAreWorseThanOneAndToleranceStepsUpAfterThat(t *testing.T) {
	shares := []Share{share(t, ".95"), share(t, ".99"), share(t, ".999")}
	table := New(shares, 16, 1, 1)
	require.Equal(t, []int{4, 7, 10, 13, 16}, table.Steps())
	for i := range shares {
		require.Greater(t, table.lost(2, i), table.lost(1, i))
		require.Greater(t, table.lost(3, i), table.lost(2, i))
		for n := 2; n <= 16; n++ {
			if quorum.Faulty(n) > quorum.Faulty(n-1) {
				require.Less(t, table.lost(n, i), table.lost(n-1, i), "a step at %d", n)
			} else {
				require.Greater(t, table.lost(n, i), table.lost(n-1, i), "no step at %d", n)
			}
		}
	}
}

func TestDrawnEpochsAgreeWithTheExactOnes(t *testing.T) {
	const epochs = 200_000
	for _, text := range []string{"0", ".5", ".9", ".99", "1"} {
		up := share(t, text)
		for i, lost := range Simulate(16, up, epochs, 7) {
			p, _ := Lost(i+1, up).Float64()
			deviation := math.Sqrt(p * (1 - p) * epochs)
			require.InDelta(t, p*epochs, lost, 5*deviation+1e-9, "n = %d, up %s", i+1, text)
		}
	}
}

func TestTheSameSeedDrawsTheSame(t *testing.T) {
	up := share(t, ".9")
	require.Equal(t, Simulate(8, up, 1000, 1), Simulate(8, up, 1000, 1))
	require.NotEqual(t, Simulate(8, up, 1000, 1), Simulate(8, up, 1000, 2))
	require.Equal(t, Simulate(8, up, 1000, 1)[:4], Simulate(8, up, 1000, 1)[:4])
}

func TestLostFallsWhenEachIsUpMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "n")
		a := rapid.Int64Range(0, 999).Draw(t, "a")
		b := rapid.Int64Range(a+1, 1000).Draw(t, "b")
		low, high := Share{exact: big.NewRat(a, 1000)}, Share{exact: big.NewRat(b, 1000)}
		require.Positive(t, Lost(n, low).Cmp(Lost(n, high)))
	})
}

func TestInvalidSharesAreErrors(t *testing.T) {
	for _, text := range []string{"", ".", "2", "1.01", "-.5", "95%", "1/2", "1e-3", "0x1", ".1234567891", " .5", "NaN"} {
		_, err := ParseShare(text)
		require.ErrorIs(t, err, ErrShare, text)
	}
	for _, text := range []string{"0", "1", ".5", "0.95", ".999999999", "1.0"} {
		require.Equal(t, text, share(t, text).String())
	}
}

func TestTextAndFigureAreAsCommitted(t *testing.T) {
	table := New([]Share{share(t, ".95"), share(t, ".99"), share(t, ".999")}, 16, 1_000_000, 1)
	var text, figure bytes.Buffer
	require.NoError(t, table.WriteText(&text))
	require.NoError(t, table.Chart().WriteSVG(&figure))
	golden(t, filepath.Join("testdata", "table.txt"), text.Bytes())
	golden(t, filepath.Join("..", "..", "..", "docs", "availability.svg"), figure.Bytes())
}

func TestJSONHasAFigureForEachShare(t *testing.T) {
	table := New([]Share{share(t, ".95"), share(t, "1")}, 5, 100, 3)
	var out bytes.Buffer
	require.NoError(t, table.WriteJSON(&out))
	var read Table
	require.NoError(t, json.Unmarshal(out.Bytes(), &read))
	require.Equal(t, uint64(3), read.Seed)
	require.Equal(t, 100, read.Epochs)
	require.Len(t, read.Rows, 5)
	require.Equal(t, Row{N: 4, F: 1, Need: 3, Figures: table.Rows[3].Figures}, read.Rows[3])
	require.Zero(t, read.Rows[4].Figures[1].Lost)
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, got, 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "%s: run with -update if the change is intended", name)
}
