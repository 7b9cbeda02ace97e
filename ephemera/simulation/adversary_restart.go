package simulation

// restart crashes as often as it can and comes back at once, honest otherwise. A naive node resends
// everything to whoever comes back, or starts its timers again and never reaches the end of any.
type restart struct{ honest }

func (restart) tick(p *byzantine) {
	if p.rng.permille(150) {
		p.crash(int64(1 + p.rng.below(200)))
	}
}
