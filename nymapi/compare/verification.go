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

// Sentence says how many checks passed, and which did not.
func (v *Verification) Sentence() string {
	all := v.Passed + v.Failed + v.Warnings
	text := fmt.Sprintf("%d of %d checks passed", v.Passed, all)
	if v.unproven() {
		text += "; measurements are not checkable"
	}
	text += "."
	for _, o := range []struct {
		outcome check.Outcome
		name    string
	}{{check.Fail, "FAILED"}, {check.Warning, "With a warning"}} {
		if names := v.names(o.outcome); names != "" {
			text += fmt.Sprintf(" %s: %s.", o.name, names)
		}
	}
	if epochs := v.without("annex"); len(epochs) > 0 {
		text += fmt.Sprintf(" Not closed yet, so without annex: %s.", contract.Ranges("epoch", epochs))
	}
	return text
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

// unproven reports whether a result was paid that no report proves.
func (v *Verification) unproven() bool {
	for _, d := range v.Deviations {
		if d.Check == "columns" && d.Outcome == check.NotCheckable {
			return true
		}
	}
	return false
}

// names lists the checks with an outcome, each with its epochs and what it found in the first.
func (v *Verification) names(o check.Outcome) string {
	const most = 5
	var names []string
	for _, d := range v.Deviations {
		if d.Outcome == o {
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
