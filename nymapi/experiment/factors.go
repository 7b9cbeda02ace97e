package experiment

import (
	"strconv"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/observe"
)

// How strong the effects are whose number of observers is varied.
const (
	outageShare  = 0.1  // of all epochs, in which a hoster is down
	bugShare     = 0.1  // of the mixnodes, which faulty software measures wrongly
	regionShare  = 0.2  // of the mixnodes, which are in the region
	cheaterShare = 0.05 // of the mixnodes, which recognise observers
)

// hosters varies how many observers are down together.
func hosters() factor {
	return factor{
		section: "hoster", about: "How many observers one hoster takes down together, in a tenth of the epochs.",
		name: "together", levels: []int{1, 3, 4, 6},
		happens: func(c Cell, level int) observe.Effect { return observe.Outages(c.last(level), outageShare) },
	}
}

// software varies how many honest observers run faulty software, alone and with liars: faults count
// against f together with lies.
func software(worlds *observe.Worlds) Section {
	f := factor{
		section: "software", about: "How many honest observers report the same wrong values, and how many lie at the same time.",
		name:    "faulty",
		happens: func(c Cell, level int) observe.Effect { return observe.Bug(c.last(level), bugShare) },
	}
	s := f.with(worlds)
	s.Cells = func() []Cell {
		var cells []Cell
		for _, lie := range shortLies() {
			for _, count := range softwareCounts(lie) {
				c := Base(f.section, lie)
				c.Factor, c.Level, c.Liars = f.name, strconv.Itoa(count.faulty), count.liars
				cells = append(cells, c)
			}
		}
		return cells
	}
	return s
}

type faultyAndLiars struct{ faulty, liars int }

// softwareCounts returns counts whose sum is f or more, for f = 3.
func softwareCounts(lie string) []faultyAndLiars {
	if lie == Honest {
		return []faultyAndLiars{{1, 0}, {3, 0}, {4, 0}, {6, 0}}
	}
	return []faultyAndLiars{{1, 2}, {2, 1}, {1, 3}, {3, 3}}
}

// regions varies how many observers do not reach a region.
func regions() factor {
	return factor{
		section: "region", about: "How many observers do not reach a fifth of the mixnodes, the same for all.",
		name: "blind", levels: []int{1, 3, 4, 6},
		happens: func(c Cell, level int) observe.Effect { return observe.Region(c.last(level), regionShare) },
	}
}

// recognised varies how many observers are known to mixnodes that serve nobody else.
func recognised() factor {
	return factor{
		section: "recognised", about: "How many observers are recognised by a twentieth of the mixnodes, which serve nobody else.",
		name: "known", levels: []int{1, 3, 4, 6, 10},
		happens: func(c Cell, level int) observe.Effect { return observe.Recognised(c.last(level), cheaterShare) },
	}
}

// packets varies the noise of a measurement.
func packets() factor {
	return factor{
		section: "packets", about: "How many packets a measurement sends.",
		name: "packets", levels: []int{1, 3, 27, 90},
		change: func(c *Cell, level int) { c.Packets = level },
	}
}

// histories varies the number of epochs, which wmedian learns from.
func histories() factor {
	return factor{
		section: "history", about: "How many epochs there are.",
		name: "epochs", levels: []int{10, 25, 50, 200},
		change: func(c *Cell, level int) { c.Epochs = level },
	}
}

// last returns which observers are the last ones of the cell: honest ones, up to N less the liars.
// The last Nym-API, which also decides alone, is always one of them.
func (c Cell) last(count int) []bool {
	chosen := make([]bool, c.N)
	for i := range count {
		chosen[c.N-1-i] = true
	}
	return chosen
}
