package compare

import (
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract/performance"
)

// performanceSentence explains the row of the performance contract: what it pays, what liars and
// silent Nym-APIs do to it, what remains as evidence, and what its admin can do.
func (p *Plan) performanceSentence(m ModeSummary) string {
	b := []string{
		fmt.Sprintf("performance: the contract pays the median of what each of %d Nym-APIs submits by itself, in whole percents, after its last tick and "+
			"before the epoch ends. What is measured later is lost. One value is enough; without any, the newest of the %d epochs before is paid.",
			p.Nodes, performance.LookBack),
		p.medianSentence(),
		outcomeOf(m.Quality),
		"Its state keeps values without names and signatures: anybody can recompute the medians, but who lied is only in the old transactions, if somebody " +
			"has kept them. The rules let the admin remove an epoch's values, or retire a monitor and authorise it again, so that it counts twice; the state shows neither.",
	}
	return strings.Join(b, " ")
}

// medianSentence says what the liars and the silent Nym-APIs of the run do to a median.
func (p *Plan) medianSentence() string {
	liars, offline := len(p.roles.liars), len(p.roles.offline)
	if liars+offline == 0 {
		return "Here nobody lies and nobody is offline."
	}
	here := "Here " + faultsOf(liars, offline) + "."
	if offline > 0 {
		here += " Who is silent is not waited for: the median is that of fewer values."
	}
	switch submit := p.Nodes - offline; {
	case liars == 0:
		return here
	case 2*liars >= submit:
		return here + fmt.Sprintf(" Half or more of the %d that submit lie, so the lies can decide what is paid.", submit)
	default:
		return here + fmt.Sprintf(" A median of more than %d values lies between two honest ones; one of fewer may be a lie.", 2*liars)
	}
}
