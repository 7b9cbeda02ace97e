package answers

import (
	"fmt"
	"math"
	"strings"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/intervals"
)

// Sentences returns what the results say, one paragraph each.
func (a *Answers) Sentences() []string {
	if a.verdict == nil {
		return []string{"The results do not have the cells of section base that the criterion needs, so there is no verdict."}
	}
	return append(a.verdict.sentences(), a.comparisons())
}

// seedsSentence says which seeds chose and which report.
func (v *Verdict) seedsSentence() string {
	text := fmt.Sprintf("Seeds %s choose the worst lies and the best rule, and %s report: all figures are computed from these.", seeds(v.Choosing), seeds(v.Reporting))
	if len(v.Choosing) == 1 {
		text = fmt.Sprintf("Seed %s chooses the worst lies and the best rule. All figures are computed from the others: %s.", seeds(v.Choosing), seeds(v.Reporting))
	}
	if len(v.Choosing) == 0 {
		text = "The only seed chooses and reports, so its choice flatters nobody and proves nothing."
	}
	if math.IsInf(v.Rules[0].Score.Low, 0) {
		text += " They are too few for intervals: take this as a trial, not as an answer."
	}
	return text
}

// seeds returns a list of ascending seeds as "1 to 10" if they follow each other.
func seeds(list []uint64) string {
	switch {
	case len(list) == 0:
		return "none"
	case len(list) == 1:
		return fmt.Sprint(list[0])
	case list[len(list)-1]-list[0] == uint64(len(list)-1):
		return fmt.Sprintf("%d to %d", list[0], list[len(list)-1])
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ", "), "[]")
}

func (v *Verdict) sentences() []string {
	best, _ := v.Rule(v.Best)
	said := []string{
		v.seedsSentence(),
		fmt.Sprintf("Best by the criterion: %s. Under its worst lies it loses %s NYM an epoch, averaged over %s.", v.Best, Cite(best.Score), conditions(len(v.Conditions))),
	}
	if v.Confirmed != v.Best {
		said = append(said, fmt.Sprintf("By the seeds that report, %s has the smallest score.", v.Confirmed))
	}
	if tied := v.tied(); len(tied) > 0 {
		said = append(said, fmt.Sprintf("Tied with it: %s. Recommended among these and %s: %s.", strings.Join(tied, ", "), v.Best, v.Recommended))
	}
	return append(said, v.defaultSentence())
}

func conditions(n int) string {
	if n == 1 {
		return "one condition"
	}
	return fmt.Sprintf("%d conditions", n)
}

// tied returns the other rules that are tied with the best.
func (v *Verdict) tied() []string {
	var names []string
	for _, r := range v.Rules {
		if r.Tied && r.Name != v.Best {
			names = append(names, r.Name)
		}
	}
	return names
}

func (v *Verdict) defaultSentence() string {
	switch {
	case v.Default != reference:
		return fmt.Sprintf("By the criterion, %s replaces %s as the default.", v.Default, reference)
	case v.Kept != "":
		return fmt.Sprintf("By the criterion, %s remains the default: %s.", reference, v.Kept)
	}
	return fmt.Sprintf("By the criterion, %s remains the default.", reference)
}

// held returns how many of all differences from the reference hold, by their sign.
func (a *Answers) held() (better, worse int) {
	for _, c := range a.compared {
		switch {
		case !c.holds():
		case c.difference.Mean < 0:
			better++
		default:
			worse++
		}
	}
	return better, worse
}

// comparisons says how many cells were compared with the reference, and how many differences hold.
func (a *Answers) comparisons() string {
	better, worse := a.held()
	return fmt.Sprintf("In all cells together, %d differences from %s were tested. After Holm's adjustment for their number, %d smaller losses and %d larger ones hold.",
		len(a.compared), reference, better, worse)
}

// short returns a number for tables: three digits at least, no more decimals than two.
func short(x float64) string {
	switch size := math.Abs(x); {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "–"
	case size >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case size >= 9.995:
		return fmt.Sprintf("%.1f", x)
	case size >= 0.1 || x == 0:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

// bounds returns the bounds of an interval for tables.
func bounds(i intervals.Interval) string {
	if math.IsNaN(i.Low) || math.IsInf(i.Low, 0) {
		return "–"
	}
	return short(i.Low) + " to " + short(i.High)
}
