package answers

import (
	"strconv"
	"strings"
)

// lastAlone names the last Nym-API alone, in groups of any size. It is honest.
const lastAlone = "single-last"

// series returns the name of a way in figures and tables: its own, but one name for the last
// Nym-API of groups of different sizes.
func series(g *group, way string) string {
	if g.N > 1 && way == "single-"+strconv.Itoa(g.N) {
		return lastAlone
	}
	return way
}

// wayOf returns the way of a cell with that name in figures, "" if it has none.
func wayOf(g *group, name string) string {
	for _, w := range g.ways {
		if series(g, w) == name {
			return w
		}
	}
	return ""
}

// mark returns the colour and the shape of a series: the same in all figures for rules and other
// ways of deciding. Whatever else a section compares is marked by its place in the figure.
func mark(series string, place int) (colour, shape int) {
	const marks = 8 // colours, and shapes
	known := []string{"median", "mean", "trimmed", "mad", "lowmedian", "wmedian"}
	for i, name := range known {
		if name == series {
			return i, i
		}
	}
	switch {
	case series == lastAlone:
		return 6, 6
	case strings.HasPrefix(series, "single"):
		return 6, 4
	case series == "performance":
		return 7, 7
	}
	return place, place + place/marks
}

// allSeries returns the names of all series of some cells, in the order in which they begin.
func allSeries(cells []*group) []string {
	var names []string
	seen := map[string]bool{}
	for _, g := range cells {
		for _, w := range g.ways {
			if name := series(g, w); !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}
