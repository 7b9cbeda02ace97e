package check

import (
	"fmt"
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

const (
	// suspicious is the decimal logarithm of the chance below which equal reports are a warning.
	suspicious = -6
	// enoughPairs is the number of other pairs that are needed to estimate a chance.
	enoughPairs = 3
)

// pair is two rows of a matrix.
type pair struct{ a, b int }

// copies looks for members that report exactly the same values. Measurements of the same mixnodes
// are alike, so it estimates the chance that two independent reporters agree in every column from
// how often the other pairs agree in it.
func copies(e *epoch) Finding {
	same, others := pairs(e.matrix)
	if len(same) == 0 {
		return pass("no two reports are the same")
	}
	var members []keys.Public
	for _, p := range same {
		for _, row := range []int{p.a, p.b} {
			name := e.matrix.Rows[row].Reporter
			at := slices.IndexFunc(e.d.Group.Members(), func(key keys.Public) bool { return key.PeerID() == name })
			if key := e.d.Group.Member(at); !slices.Contains(members, key) {
				members = append(members, key)
			}
		}
	}
	if len(others) < enoughPairs && constant(e.matrix.Rows[same[0].a].Values) {
		return pass("%s report the same value for all mixnodes", e.names(members))
	}
	if len(others) < enoughPairs {
		return warn("%s report the same values (too few others to say by what chance)", e.names(members))
	}
	chance := agreement(e.matrix, others) + math.Log10(float64(len(same)+len(others)))
	if chance > suspicious {
		return pass("%s report the same values, which happens by chance", e.names(members))
	}
	return warn("%s report the same values: by chance 1 in 10^%d", e.names(members), int(-chance))
}

// pairs returns the pairs of rows that have the same values, at least one, and all others.
func pairs(m metrics.Matrix) (same, others []pair) {
	for a := range m.Rows {
		empty := !slices.ContainsFunc(m.Rows[a].Values, func(v metrics.Uptime) bool { return v != metrics.Missing })
		for b := a + 1; b < len(m.Rows); b++ {
			if !empty && slices.Equal(m.Rows[a].Values, m.Rows[b].Values) {
				same = append(same, pair{a, b})
			} else {
				others = append(others, pair{a, b})
			}
		}
	}
	return same, others
}

// constant reports whether all values are the same, as those of mixnodes that are always up.
func constant(values []metrics.Uptime) bool {
	return !slices.ContainsFunc(values, func(v metrics.Uptime) bool { return v != values[0] })
}

// agreement returns the decimal logarithm of the chance that a pair agrees in all columns, each
// estimated by Laplace's rule of succession.
func agreement(m metrics.Matrix, among []pair) (log float64) {
	for j := range m.Mixnodes {
		agree := 0
		for _, p := range among {
			if m.Rows[p.a].Values[j] == m.Rows[p.b].Values[j] {
				agree++
			}
		}
		log += math.Log10(float64(agree+1) / float64(len(among)+2))
	}
	return log
}

// names lists members, at most ten of them.
func (e *epoch) names(list []keys.Public) string {
	const most = 10
	text := ""
	for i, key := range list[:min(len(list), most)] {
		switch {
		case i > 0 && i == len(list)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += e.config.name(key)
	}
	if len(list) > most {
		text += fmt.Sprintf(" and %d more", len(list)-most)
	}
	return text
}
