package answers

import (
	"bytes"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/claims"
)

// claimsFacts returns the verdicts on what the authors of wmedian say, and the figures that each
// one is about, numbered from 1. They are computed from all seeds, because they choose nothing.
func (a *Answers) claimsFacts() []Fact {
	var facts []Fact
	for _, c := range a.claims {
		if c.Verdict == claims.Unplayed {
			continue
		}
		facts = append(facts, named("claims/"+c.Name+"/verdict", string(c.Verdict)))
		for i, m := range c.Measured {
			facts = append(facts, newFact(fmt.Sprintf("claims/%s/%d", c.Name, i+1), m.Interval))
		}
	}
	return facts
}

// claimsText is the file with the claims, for people.
func (a *Answers) claimsText() []byte {
	var b bytes.Buffer
	_ = claims.Write(&b, a.claims) // a buffer takes all
	return b.Bytes()
}
