// Package availability helps to decide how many Nym-APIs to run. It computes the share of epochs
// that is lost if each of N Nym-APIs is up only part of the time.
//
// An epoch is rewarded if at least n-f of its n Nym-APIs are up, f = floor((n-1)/3), because a
// block needs the reports of n-f (package verify of contract). The model assumes that each is up in
// an epoch with the same probability, independently of the others; correlated failures are worse.
// Lost computes the exact value, Simulate draws epochs. Nothing here runs the protocol: package
// simulation of ephemera does.
package availability

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"regexp"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// ErrShare reports a text that is not a share of time.
var ErrShare = errors.New("not a share of time")

// MaxNodes bounds the number of Nym-APIs in a Table.
const MaxNodes = 100

// Share is the exact share of the time in which a Nym-API is up, from 0 to 1.
type Share struct {
	text  string
	exact *big.Rat
}

var decimal = regexp.MustCompile(`^(0|1|0?\.[0-9]{1,9}|1\.0{1,9})$`)

// ParseShare parses a decimal from 0 to 1 with at most nine decimal places, such as .95. The error
// wraps ErrShare.
func ParseShare(text string) (Share, error) {
	exact, ok := new(big.Rat).SetString(text)
	if !decimal.MatchString(text) || !ok {
		return Share{}, fmt.Errorf("%w: %.40q, expected a decimal from 0 to 1 such as .95", ErrShare, text)
	}
	return Share{text: text, exact: exact}, nil
}

// String returns the share as it was given.
func (s Share) String() string { return s.text }

// Float returns the share as a number.
func (s Share) Float() float64 {
	value, _ := s.exact.Float64()
	return value
}

// Lost returns the exact probability that an epoch of n >= 1 Nym-APIs is lost because more than f
// of them are down. It is the upper tail of a binomial distribution,
//
//	sum over k = f+1 .. n of C(n, k) (1-up)^k up^(n-k).
func Lost(n int, up Share) *big.Rat {
	down := new(big.Rat).Sub(big.NewRat(1, 1), up.exact)
	sum := new(big.Rat)
	for k := quorum.Faulty(n) + 1; k <= n; k++ {
		term := new(big.Rat).SetInt(new(big.Int).Binomial(int64(n), int64(k)))
		term.Mul(term, power(down, k))
		sum.Add(sum, term.Mul(term, power(up.exact, n-k)))
	}
	return sum
}

func power(base *big.Rat, exponent int) *big.Rat {
	result := big.NewRat(1, 1)
	for range exponent {
		result.Mul(result, base)
	}
	return result
}

// Simulate draws epochs in which each of the Nym-APIs 1 to most is up or down. For n = 1 .. most it
// returns, at index n-1, the number of epochs that the first n of them lose. The same seed yields
// the same draws.
func Simulate(most int, up Share, epochs int, seed uint64) []int {
	// A draw below the threshold means up. The threshold is in units of 2^-63, so 1 is representable.
	scaled := new(big.Int).Lsh(up.exact.Num(), 63)
	threshold := scaled.Quo(scaled, up.exact.Denom()).Uint64()
	source := rand.NewPCG(seed, threshold)
	least := make([]int, most)
	for i := range least {
		least[i] = quorum.Correct(i + 1)
	}
	lost := make([]int, most)
	for range epochs {
		running := 0
		for i := range most {
			if source.Uint64()>>1 < threshold {
				running++
			}
			if running < least[i] {
				lost[i]++
			}
		}
	}
	return lost
}

// Figure is the result for one N and one share of time.
type Figure struct {
	Availability float64 `json:"availability"` // of each Nym-API
	Lost         float64 `json:"lost"`         // share of epochs: the exact value, rounded
	Simulated    float64 `json:"simulated"`    // share of drawn epochs
}

// Row is the results for one N.
type Row struct {
	N       int      `json:"n"`
	F       int      `json:"f"`    // Nym-APIs that may be down
	Need    int      `json:"need"` // Nym-APIs that must be up: n-f
	Figures []Figure `json:"figures"`
}

// Table is the results for N = 1 .. len(Rows).
type Table struct {
	Seed   uint64 `json:"seed"`
	Epochs int    `json:"epochs"` // drawn for each share
	Rows   []Row  `json:"rows"`

	shares []Share
}

// New computes the table for n = 1 .. most, at most MaxNodes.
func New(shares []Share, most, epochs int, seed uint64) Table {
	t := Table{Seed: seed, Epochs: epochs, shares: shares, Rows: make([]Row, min(max(most, 0), MaxNodes))}
	for i := range t.Rows {
		t.Rows[i] = Row{N: i + 1, F: quorum.Faulty(i + 1), Need: quorum.Correct(i + 1)}
	}
	for _, share := range shares {
		drawn := Simulate(len(t.Rows), share, epochs, seed)
		for i := range t.Rows {
			exact, _ := Lost(i+1, share).Float64()
			t.Rows[i].Figures = append(t.Rows[i].Figures, Figure{
				Availability: share.Float(), Lost: exact, Simulated: float64(drawn[i]) / float64(max(epochs, 1)),
			})
		}
	}
	return t
}
