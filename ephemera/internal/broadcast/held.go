package broadcast

// Held is what other members make an instance hold, by the chain that holds most.
type Held struct {
	Bodies  int // bytes of the bodies of the open slot
	Claims  int // blocks above the certified height whose messages others say they removed
	Repairs int // damaged blocks that are fetched
}

// Held returns what other members make the instance hold. It is for checks: it looks at all chains.
func (b *Instance) Held() Held {
	var most Held
	for _, c := range b.chains {
		if c.open != nil {
			most.Bodies = max(most.Bodies, c.open.bytes)
		}
		most.Claims = max(most.Claims, len(c.pruned))
		most.Repairs = max(most.Repairs, len(c.repairs))
	}
	return most
}
