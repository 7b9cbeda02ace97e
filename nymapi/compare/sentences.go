package compare

import (
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// sentences explains the rows of the modes, one paragraph for each. They are functions of the
// figures and of n, f, liars and offline Nym-APIs, and claim no cause that these do not show.
func (p *Plan) sentences(s Summary) []string {
	var sentences []string
	for _, m := range s.Modes {
		switch m.Mode {
		case Single:
			sentences = append(sentences, p.singleSentence(m))
		case Ephemera:
			sentences = append(sentences, p.ephemeraSentence(m))
		case Performance:
			sentences = append(sentences, p.performanceSentence(m))
		}
	}
	for _, c := range s.Caught {
		sentences = append(sentences, fmt.Sprintf("Caught in %s: %s.", c.Mode.Short(), c.Sentence()))
	}
	if why := p.noTruth(); why != "" {
		sentences = append(sentences, why)
	}
	return sentences
}

func (p *Plan) singleSentence(m ModeSummary) string {
	b := []string{fmt.Sprintf("single: the contract pays what Nym-API %d reports. It checks a signature, not the measurements.", p.Single)}
	switch {
	case p.roles.isOffline(p.Single):
		b = append(b, "This Nym-API is offline.")
	case p.roles.lies(p.Single):
		b = append(b, fmt.Sprintf("This Nym-API lies (%s).", p.Lie))
	default:
		b = append(b, "This Nym-API is honest.")
	}
	b = append(b, outcomeOf(m.Quality))
	if m.SingleSummary == nil || p.Nodes == 1 {
		return strings.Join(b, " ")
	}
	if m.RMSEBest != nil {
		b = append(b, fmt.Sprintf("Each Nym-API alone: RMSE %s at best, %s median, %s at worst%s.",
			points(m.RMSEBest), points(m.RMSEMedian), points(m.RMSEWorst), p.offlineAlone()))
	}
	if q := m.SameProbes; q != nil && q.RMSE != nil {
		b = append(b, fmt.Sprintf("With %d times the packets, as many as all Nym-APIs together send, its RMSE would be %s over %d of %d cells.",
			p.Nodes, points(q.RMSE), q.Fresh+q.Carried, q.Cells))
	}
	return strings.Join(b, " ")
}

// outcomeOf says how much was paid and how far from the truth.
func outcomeOf(q Quality) string {
	paid := q.Fresh + q.Carried
	switch {
	case q.Cells == 0:
		return "No epoch is settled."
	case paid == 0:
		return fmt.Sprintf("None of %d cells was paid.", q.Cells)
	}
	sentence := fmt.Sprintf("%d of %d cells were paid", paid, q.Cells)
	if paid == q.Cells {
		sentence = fmt.Sprintf("All %d cells were paid", q.Cells)
	}
	if q.Carried > 0 {
		sentence += fmt.Sprintf(", %d of them an earlier value", q.Carried)
	}
	if q.RMSE != nil {
		sentence += fmt.Sprintf("; their RMSE is %s points, and they are %s on average", points(q.RMSE), tilt(*q.Bias))
	}
	return sentence + "."
}

func (p *Plan) offlineAlone() string {
	if len(p.roles.offline) == 0 {
		return ""
	}
	return fmt.Sprintf("; with %s nothing would be paid", listed(p.roles.offline))
}

func (p *Plan) ephemeraSentence(m ModeSummary) string {
	n, least := p.Nodes, quorum.Correct(p.Nodes)
	b := []string{fmt.Sprintf("ephemera: the contract pays the %s of the reports in a certified block, which holds those of at least %d of %d Nym-APIs.",
		p.Estimator, least, n), p.tolerance()}
	if p.Verify == VerifyNone {
		b[0] = fmt.Sprintf("ephemera: the contract verifies nothing and pays the first submission. It should be the %s of the reports of at least %d of "+
			"%d Nym-APIs.", p.Estimator, least, n)
	}
	b = append(b, outcomeOf(m.Quality))
	if m.EphemeraSummary != nil && m.BlockSpread != nil {
		b = append(b, spreadSentence(*m.BlockSpread))
	}
	return strings.Join(b, " ")
}

// tolerance says what f is, and whether the faults of the run are within it.
func (p *Plan) tolerance() string {
	f, liars, offline := p.F(), len(p.roles.liars), len(p.roles.offline)
	allowed := fmt.Sprintf("Up to f = %d of them may lie or be offline", f)
	if f == 0 {
		allowed = "None of them may lie or be offline (f = 0)"
	}
	here := faultsOf(liars, offline)
	switch faults := liars + offline; {
	case faults == 0:
		return allowed + "; here none does."
	case liars > f:
		return fmt.Sprintf("%s; here %s, so liars may decide what is paid.", allowed, here)
	case faults > f:
		return fmt.Sprintf("%s; here %s, so epochs may be missed.", allowed, here)
	case liars > 0 && p.Verify == VerifyFull && p.robust():
		return fmt.Sprintf("%s; here %s, so each fresh value lies between two honest ones.", allowed, here)
	default:
		return fmt.Sprintf("%s; here %s.", allowed, here)
	}
}

// faultsOf says how many lie and how many are offline, such as "2 lie and 1 is offline".
func faultsOf(liars, offline int) string {
	var parts []string
	switch {
	case liars == 1:
		parts = append(parts, "1 lies")
	case liars > 1:
		parts = append(parts, fmt.Sprintf("%d lie", liars))
	}
	switch {
	case offline == 1:
		parts = append(parts, "1 is offline")
	case offline > 1:
		parts = append(parts, fmt.Sprintf("%d are offline", offline))
	}
	return strings.Join(parts, " and ")
}

// robust reports whether at most f lies leave the estimator between two honest values.
func (p *Plan) robust() bool {
	if p.Estimator == "mean" {
		return false
	}
	var k int
	if _, err := fmt.Sscanf(p.Estimator, "trimmed(%d)", &k); err == nil {
		return k >= p.F()
	}
	return true
}

// spreadSentence says how much depended on which block won.
func spreadSentence(spread float64) string {
	if spread == 0 {
		return "All certified blocks of an epoch would have paid the same, so it did not matter which one won."
	}
	return fmt.Sprintf("Which certified block won could change what a mixnode is paid by up to %.2f points (the spread of the blocks).", spread)
}

// tilt says how far payments are from the truth on average.
func tilt(bias float64) string {
	switch {
	case bias < -0.005:
		return fmt.Sprintf("%.2f too low", -bias)
	case bias > 0.005:
		return fmt.Sprintf("%.2f too high", bias)
	default:
		return "neither too high nor too low"
	}
}

// noTruth says why the error columns are empty, and returns "" if they are not.
func (p *Plan) noTruth() string {
	switch {
	case p.Source == SourceUniform:
		return "The error columns are empty: source uniform produces random numbers, as the original did, so there is no truth to compare with."
	case p.Source == SourceTrace && len(p.Truth) == 0:
		return "The error columns are empty: a trace contains no truth. Give --truth with the observers whose median is the truth."
	}
	return ""
}

// estimatorSentences compares the mean, the original's rule, with this run's.
func (p *Plan) estimatorSentences(lines []EstimatorSummary) []string {
	if p.noTruth() != "" {
		return nil
	}
	var mean, used *float64
	for _, e := range lines {
		if e.Name == "mean" {
			mean = e.RMSE
		}
		if e.Name == p.Estimator {
			used = e.RMSE
		}
	}
	if mean == nil || used == nil {
		return []string{"There is no certified block with enough reports, so there is nothing to estimate."}
	}
	sentence := fmt.Sprintf("The contract's rule in this run is the %s, with an RMSE of %s", p.Estimator, points(used))
	switch {
	case p.Estimator == "mean":
		sentence += ". It is also that of the original"
	default:
		sentence += fmt.Sprintf(", and the original's is the mean, with %s", points(mean))
	}
	switch liars := len(p.roles.liars); {
	case liars == 0:
		sentence += ". Nobody lies"
	case liars == 1:
		sentence += fmt.Sprintf(". One Nym-API lies (%s)", p.Lie)
	default:
		sentence += fmt.Sprintf(". %d Nym-APIs lie (%s)", liars, p.Lie)
	}
	if len(p.roles.liars) > p.F() {
		sentence += fmt.Sprintf(", more than f = %d: no estimator is certain to stay between honest values", p.F())
	}
	return []string{sentence + "."}
}

// missedSentences says why epochs were missed, one paragraph for each reason.
func missedSentences(missed []Missed) []string {
	type key struct {
		mode   Mode
		reason string
	}
	epochs := map[key][]string{}
	var order []key
	for _, m := range missed {
		k := key{m.Mode, m.Reason}
		if epochs[k] == nil {
			order = append(order, k)
		}
		epochs[k] = append(epochs[k], fmt.Sprint(m.Epoch))
	}
	var sentences []string
	for _, k := range order {
		word := "epoch"
		if len(epochs[k]) > 1 {
			word = "epochs"
		}
		sentences = append(sentences, fmt.Sprintf("%s missed %s %s: %s.", k.mode.Short(), word, strings.Join(epochs[k], ", "), k.reason))
	}
	return sentences
}

// quoted quotes a path for a shell if necessary.
func quoted(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=:@%,", r)
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
