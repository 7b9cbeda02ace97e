package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
)

// Verification is what the checks of a mode's bundles found, over all settled epochs, against the
// group and the contract's key of the run. The command "contract verify" makes the same checks.
type Verification struct {
	Passed       int `json:"passed"`
	Failed       int `json:"failed"`
	Warnings     int `json:"warnings"`
	NotCheckable int `json:"not_checkable"`
	// Deviations are the checks that did not pass, each with its epochs, in the order of the epochs.
	Deviations []Deviation `json:"deviations"`
}

// Deviation is a check that did not pass.
type Deviation struct {
	Check   string        `json:"check"` // its name
	Outcome check.Outcome `json:"outcome"`
	Needs   string        `json:"needs"`  // what was not there and would make it possible, if anything
	Epochs  []int64       `json:"epochs"` // as in the names of the files, ascending
	Value   string        `json:"value"`  // what it found in the first of them
}

// annex is what Deviation.Needs says of an epoch that has not closed.
const annex = "annex"

func newVerification() *Verification { return &Verification{Deviations: []Deviation{}} }

// add counts what was found about the next epoch.
func (v *Verification) add(r check.Report) {
	v.Passed += r.Count(check.Pass)
	v.Failed += r.Count(check.Fail)
	v.Warnings += r.Count(check.Warning)
	v.NotCheckable += r.Count(check.NotCheckable)
	for _, f := range r.Findings {
		if f.Outcome != check.Pass {
			d := v.deviation(f)
			d.Epochs = append(d.Epochs, int64(r.Epoch))
		}
	}
}

// deviation returns the deviation of the same kind as a finding, which it adds if it is new.
func (v *Verification) deviation(f check.Finding) *Deviation {
	for i, d := range v.Deviations {
		if d.Check == f.Name && d.Outcome == f.Outcome && d.Needs == f.Needs {
			return &v.Deviations[i]
		}
	}
	v.Deviations = append(v.Deviations, Deviation{Check: f.Name, Outcome: f.Outcome, Needs: f.Needs, Value: f.Value})
	return &v.Deviations[len(v.Deviations)-1]
}

// Groups says what did not pass, one text for all checks with the same outcome, epochs and value.
func (v *Verification) Groups() []string {
	var texts []string
	done := make([]bool, len(v.Deviations))
	for _, d := range v.Deviations {
		var names []string
		for j, other := range v.Deviations {
			if !done[j] && d.Outcome == other.Outcome && d.Value == other.Value && slices.Equal(d.Epochs, other.Epochs) {
				names, done[j] = append(names, other.Check), true
			}
		}
		if len(names) > 0 {
			texts = append(texts, fmt.Sprintf("%s, %s: %s: %s", contract.Ranges("epoch", d.Epochs), d.Outcome, strings.Join(names, ", "), d.Value))
		}
	}
	return texts
}

// Sentence says how many checks passed, and which did not.
func (v *Verification) Sentence() string {
	all := v.Passed + v.Failed + v.Warnings
	text := fmt.Sprintf("%d of %d checks passed", v.Passed, all)
	unproven := v.unproven()
	if unproven != "" {
		text += "; measurements are not checkable"
	}
	text += "."
	for _, kind := range []struct {
		name string
		is   func(Deviation) bool
	}{
		{"FAILED", func(d Deviation) bool { return d.Outcome == check.Fail }},
		{"With a warning", func(d Deviation) bool { return d.Outcome == check.Warning }},
		{"Not checkable", func(d Deviation) bool {
			return d.Outcome == check.NotCheckable && d.Needs != annex && d.Value != unproven
		}},
	} {
		if names := v.names(kind.is); names != "" {
			text += fmt.Sprintf(" %s: %s.", kind.name, names)
		}
	}
	if epochs := v.without(annex); len(epochs) > 0 {
		text += fmt.Sprintf(" Not closed yet, so without annex: %s.", contract.Ranges("epoch", epochs))
	}
	return text
}

// unproven returns why no report proves what was paid, "" if reports do.
func (v *Verification) unproven() string {
	for _, d := range v.Deviations {
		if d.Check == "columns" && d.Outcome == check.NotCheckable {
			return d.Value
		}
	}
	return ""
}

// names lists checks, each with its epochs and what it found in the first.
func (v *Verification) names(is func(Deviation) bool) string {
	const most = 5
	var names []string
	for _, d := range v.Deviations {
		if is(d) {
			names = append(names, fmt.Sprintf("%s in %s (%s)", d.Check, contract.Ranges("epoch", d.Epochs), d.Value))
		}
	}
	if more := len(names) - most; more > 1 {
		names = append(names[:most], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// without returns the epochs that lack something.
func (v *Verification) without(needed string) []int64 {
	for _, d := range v.Deviations {
		if d.Needs == needed {
			return d.Epochs
		}
	}
	return nil
}
