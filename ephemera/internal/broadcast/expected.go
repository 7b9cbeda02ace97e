package broadcast

// Expected counts the events that are likely to come soon and to lead to a write. A runner may wait
// for them, so that the writes share a commit.
type Expected struct {
	Verdicts     int // the application was asked
	Certificates int // this member echoed the block, and not long ago
	// Proposals are those of members without a block under way, if two or more have one: then members
	// propose at about the same time.
	Proposals int
}

// Expected returns what this member waits for in the group. Long ago is Timing.Retry: the creator
// of a block that was not certified in that time may be gone.
func (b *Instance) Expected() Expected {
	var e Expected
	if b.Muted || b.Closed || b.halted {
		return e
	}
	underWay, idle := 0, 0
	if b.candidate != nil {
		e.Verdicts++
		underWay++
	}
	for _, c := range b.chains {
		o, own := c.open, c.creator == b.Self
		switch {
		case o != nil:
			underWay++
		case c.stop == nil && !own:
			idle++
		}
		switch {
		case o == nil || own:
		case o.state == asking:
			e.Verdicts++
		case o.state == echoed && b.now-c.since < b.Timing.Retry:
			e.Certificates++
		}
	}
	if underWay >= 2 {
		e.Proposals = idle
	}
	return e
}
