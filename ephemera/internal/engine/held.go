package engine

import "github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"

// Held is what other members make the engine hold besides the mempool.
type Held struct {
	Requested int            // messages that were requested and have not arrived
	Waking    int            // groups at rest that wait to be loaded
	Described int            // members that were sent descriptions in this round
	Group     broadcast.Held // in the group that holds most
}

// Held returns what other members make the engine hold. It is for checks: it looks at everything.
func (e *Engine) Held() Held {
	most := Held{Requested: len(e.requested), Waking: len(e.waking), Described: len(e.described)}
	for _, p := range e.parts {
		held := p.instance.Held()
		most.Group.Bodies = max(most.Group.Bodies, held.Bodies)
		most.Group.Claims = max(most.Group.Claims, held.Claims)
		most.Group.Repairs = max(most.Group.Repairs, held.Repairs)
	}
	return most
}
