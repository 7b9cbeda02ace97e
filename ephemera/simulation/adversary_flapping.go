package simulation

// flapping closes its connections and opens them again as often as it may. Otherwise it is honest.
// A naive node shakes hands all the time, and sends everything again to a member that comes back.
type flapping struct{ honest }

// flaps is how often it reconnects at a tick.
const flaps = 6

func (flapping) tick(p *byzantine) {
	g := p.targetGroup()
	if g == nil {
		return
	}
	for _, victim := range p.victims(g) {
		for range flaps {
			p.reconnect(victim)
		}
	}
}
