package lies

import "github.com/ephemera-go/nym-rewarding/metrics"

// parrot are liars that measure nothing. Each repeats what an honest Nym-API reports, if possible
// each another one, or what that one reported last. Every report looks perfect, but the group
// has fewer measurements than it believes.
type parrot struct {
	scene Scene
	last  [][]metrics.Uptime // by row
}

func beginParrot(s Scene) Liars { return &parrot{scene: s, last: make([][]metrics.Uptime, s.N)} }

func (p *parrot) Report(_ int, rows [][]metrics.Uptime) []bool {
	honest := p.scene.Honest()
	for _, from := range honest {
		if rows[from] != nil {
			p.last[from] = rows[from]
		}
	}
	for number, i := range p.scene.Liars {
		if len(honest) > 0 {
			copyRow(rows[i], p.last[honest[number%len(honest)]])
		}
	}
	return nil
}
