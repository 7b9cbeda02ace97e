package experiment

import "github.com/ephemera-go/nym-rewarding/nymapi/experiment/lies"

// specialCells plays the lies that are not combined with everything else, by f liars in groups of a
// few sizes, without and with gaps.
func specialCells() []Cell {
	var cells []Cell
	for _, lie := range lies.All() {
		if !lie.Special {
			continue
		}
		for _, n := range []int{4, 7, 10} {
			for _, missing := range []float64{0, 0.25} {
				c := Base("special", lie.Name)
				c.N, c.Missing = n, missing
				c.Liars = c.F()
				cells = append(cells, c)
			}
		}
	}
	return cells
}
