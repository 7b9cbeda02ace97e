package broadcast

import "github.com/ephemera-go/nym-rewarding/ephemera/wire"

// Close ends this member's signing in the group (R9): the closing is durable before this is called.
// The messages of its open slot go back to the mempool; the block may turn out certified all the
// same, so applications de-duplicate by message ID.
func (s *Instance) Close(now int64) {
	s.step(now)
	s.Closed = true
	s.candidate = nil
	if s.own != nil {
		for i := range s.own.resend {
			s.own.resend[i].stop()
		}
	}
	for _, c := range s.chains {
		o := c.open
		if o == nil {
			continue
		}
		if c.creator == s.Self {
			s.emit(Returned{Messages: o.bodies})
		}
		if o.state == asking || o.state == waiting {
			o.state = silent
			o.retry.stop()
			s.sendClosed(c, o)
		}
	}
}

func (s *Instance) sendClosed(c *chain, o *slot) {
	s.send(c.creator, wire.Closed{Slot: o.header.Header.Slot()})
}

// Idle tells that no slot of the group that this member knows of waits for an echo or a
// certificate.
func (s *Instance) Idle() bool {
	if s.candidate != nil {
		return false
	}
	for _, c := range s.chains {
		if o := c.open; c.proof != nil || o != nil && o.state != rejected && o.state != silent {
			return false
		}
	}
	return true
}

// PeerClosed takes a member's word that it signs nothing new in the group: it gets no more
// proposals (R7).
func (s *Instance) PeerClosed(now int64, from int, f wire.Closed) {
	s.step(now)
	c := s.chains[s.Self]
	if s.own != nil && c.open != nil && f.Slot == c.open.header.Header.Slot() {
		s.own.done[from] = true
		s.own.resend[from].stop()
	}
}
