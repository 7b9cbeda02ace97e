package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// joiner are liars that look for two honest Nym-APIs which share a bias, and repeat their mean: so
// the biased ones become the middle. Which ones share it shows in the sums, over all mixnodes and
// epochs, of the products of their distances from the honest medians.
type joiner struct {
	scene    Scene
	products [][]int64 // by two rows, the first one smaller
}

func beginJoiner(s Scene) Liars {
	j := &joiner{scene: s, products: make([][]int64, s.N)}
	for a := range j.products {
		j.products[a] = make([]int64, s.N)
	}
	return j
}

func (l *joiner) Report(_ int, rows [][]metrics.Uptime) []bool {
	honest := l.scene.HonestReports(rows)
	medians := make([]metrics.Uptime, l.scene.Mixnodes)
	for j := range medians {
		medians[j] = metrics.Median(honest.Column(j))
	}
	all := l.scene.Honest()
	var most int64
	first, second := -1, -1
	for x, a := range all {
		for _, b := range all[x+1:] {
			l.products[a][b] += agreement(rows[a], rows[b], medians)
			if first < 0 || l.products[a][b] > most {
				first, second, most = a, b, l.products[a][b]
			}
		}
	}
	if first >= 0 && rows[first] != nil && rows[second] != nil {
		l.scene.replace(rows, func(_, j int, measured metrics.Uptime) metrics.Uptime {
			return meanOf(rows[first][j], rows[second][j], measured)
		})
	}
	return nil
}

// agreement returns the sum of the products of the distances of two reports from the medians.
func agreement(a, b, medians []metrics.Uptime) (sum int64) {
	for j := range min(len(a), len(b)) {
		if a[j] != metrics.Missing && b[j] != metrics.Missing {
			sum += int64(a[j]-medians[j]) * int64(b[j]-medians[j])
		}
	}
	return sum
}

// meanOf returns the mean of two values, the one that is not missing, or what was measured.
func meanOf(a, b, measured metrics.Uptime) metrics.Uptime {
	switch {
	case a == metrics.Missing && b == metrics.Missing:
		return measured
	case a == metrics.Missing:
		return b
	case b == metrics.Missing:
		return a
	}
	return (a + b) / 2
}
