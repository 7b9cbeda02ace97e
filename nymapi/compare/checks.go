package compare

import (
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
)

// Checks is what a stranger finds who checks the bundles of a mode's epochs with the group and the
// contract's key.
type Checks struct {
	Passed       int `json:"passed"`
	Warnings     int `json:"warnings"`
	Failed       int `json:"failed"`
	NotCheckable int `json:"not_checkable"`
}

func newChecks(s check.Summary) *Checks {
	return &Checks{Passed: s.Count(check.Pass), Warnings: s.Count(check.Warning), Failed: s.Count(check.Fail), NotCheckable: s.Count(check.NotCheckable)}
}

func (c Checks) String() string {
	text := fmt.Sprintf("%d of %d checks passed", c.Passed, c.Passed+c.Warnings+c.Failed)
	for _, other := range []struct {
		number int
		what   string
	}{{c.Failed, "FAILED"}, {c.Warnings, "with a warning"}, {c.NotCheckable, "not checkable"}} {
		if other.number > 0 {
			text += fmt.Sprintf(", %d %s", other.number, other.what)
		}
	}
	return text
}

// checked returns what the checks of the last scene's bundles found, "" without bundles.
func checked(s Scene) string {
	var lines strings.Builder
	for _, mode := range []struct {
		mode Mode
		name string
	}{{Single, "one Nym-API"}, {Ephemera, fmt.Sprintf("%d with Ephemera", s.Plan.Nodes)}} {
		if checks := s.mode(mode.mode).Checks; checks != nil {
			fmt.Fprintf(&lines, "  %-18s%s\n", mode.name, checks)
		}
	}
	if lines.Len() == 0 {
		return ""
	}
	return "\nThe evidence, checked as `contract verify` does:\n" + lines.String()
}
