package engine

import "github.com/ephemera-go/nym-rewarding/ephemera/internal/broadcast"

// Expected returns what this member waits for in all groups together.
func (e *Engine) Expected() broadcast.Expected {
	var all broadcast.Expected
	for _, p := range e.parts {
		one := p.instance.Expected()
		all.Verdicts += one.Verdicts
		all.Certificates += one.Certificates
		all.Proposals += one.Proposals
	}
	return all
}
