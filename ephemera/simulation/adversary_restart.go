package simulation

// restart crashes as often as it can and comes back at once. Otherwise it is honest. A naive node
// resends everything to a member that comes back, or restarts its timers and never reaches the end
// of any.
type restart struct{ honest }

func (restart) tick(p *byzantine) {
	if p.rng.permille(150) {
		p.crash(int64(1 + p.rng.below(200)))
	}
}
