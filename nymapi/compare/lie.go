package compare

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Lie names what a lying Nym-API reports instead of what it measured. Real nodes tell these lies,
// so there are few, and a liar knows only what it measured. Package experiment/lies has more,
// which also see what the others report. Those of the same name report the same, except for split:
// real liars send both of their reports, and there a draw decides which of them is in the block.
type Lie string

// The lies.
const (
	LieZero    Lie = "zero"    // 0 for every mixnode
	LieHundred Lie = "hundred" // 100 for every mixnode
	// LieVictims is 0 for a tenth of the mixnodes, the same for all liars, and the truth for the rest.
	LieVictims Lie = "victims"
	// LieSplit sends one report to half of the members, 0 for every mixnode, and another to the rest,
	// 100 for every mixnode. Then the liar is silent: it neither proposes nor echoes. In the single
	// mode it reports 0 for every mixnode.
	LieSplit Lie = "split"
)

// Lies returns all lies.
func Lies() []Lie { return []Lie{LieZero, LieHundred, LieVictims, LieSplit} }

func (l Lie) check() error {
	if !slices.Contains(Lies(), l) {
		return wrong("lie", l, "zero, hundred, victims or split", "give one of them")
	}
	return nil
}

// values returns what a liar reports that measured the honest values, which are not modified.
func (l Lie) values(mixnodes []metrics.MixID, honest []metrics.Uptime, seed uint64) []metrics.Uptime {
	switch l {
	case LieHundred:
		return slices.Repeat([]metrics.Uptime{metrics.Full}, len(honest))
	case LieVictims:
		values := slices.Clone(honest)
		for _, i := range victims(mixnodes, seed) {
			values[i] = 0
		}
		return values
	default: // LieZero, and the first of the two reports of LieSplit
		return make([]metrics.Uptime, len(honest))
	}
}

// report returns the report of a liar instead of the honest one.
func (l Lie) report(honest metrics.Report, seed uint64) metrics.Report {
	honest.Values = l.values(honest.Mixnodes, honest.Values, seed)
	return honest
}

// victimShare is the inverse of the share of victims.
const victimShare = 10

// victims returns the indices of a tenth of the mixnodes, rounded up: those with the smallest
// hashes under the seed.
func victims(mixnodes []metrics.MixID, seed uint64) []int {
	hashes := make([][sha256.Size]byte, len(mixnodes))
	order := make([]int, len(mixnodes))
	for i, id := range mixnodes {
		data := binary.BigEndian.AppendUint64([]byte("nymapi/compare/victims\x00"), seed)
		hashes[i] = sha256.Sum256(append(data, id...))
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return slices.Compare(hashes[a][:], hashes[b][:]) })
	chosen := order[:(len(order)+victimShare-1)/victimShare]
	slices.Sort(chosen)
	return chosen
}
