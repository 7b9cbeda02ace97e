package compare

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

// sentences explains the rows of the modes, one paragraph for each.
func (p *Plan) sentences(s Summary) []string {
	var sentences []string
	for _, m := range s.Modes {
		switch m.Mode {
		case Single:
			sentences = append(sentences, p.singleSentence(m))
		case Ephemera:
			sentences = append(sentences, p.ephemeraSentence(m))
		}
	}
	if why := p.noTruth(); why != "" {
		sentences = append(sentences, why)
	}
	return sentences
}

func (p *Plan) singleSentence(m ModeSummary) string {
	b := []string{fmt.Sprintf("single: whatever Nym-API %d reports is paid, and nobody can check it.", p.Single)}
	switch {
	case p.roles.isOffline(p.Single):
		b = append(b, "It is offline, so nothing is paid.")
	case p.roles.lies(p.Single):
		b = append(b, fmt.Sprintf("It lies (%s)%s.", p.Lie, offBy(m.RMSE, ", so payments are %s points off")))
	default:
		b = append(b, "It is honest"+offBy(m.RMSE, "; its payments are %s points off, because a single Nym-API takes few measurements")+".")
	}
	if m.RMSEBest != nil && p.Nodes > 1 {
		b = append(b, fmt.Sprintf("Any one Nym-API alone: RMSE %s at best, %s median, %s at worst%s.",
			points(m.RMSEBest), points(m.RMSEMedian), points(m.RMSEWorst), p.offlineAlone()))
	}
	if m.RMSESameProbes != nil && p.Nodes > 1 {
		b = append(b, fmt.Sprintf("With %d times the packets, as many as all Nym-APIs together send, its RMSE would be %s: %s.",
			p.Nodes, points(m.RMSESameProbes), p.effectOfMorePackets()))
	}
	return strings.Join(b, " ")
}

// effectOfMorePackets says what the error of a single Nym-API with more packets means.
func (p *Plan) effectOfMorePackets() string {
	if p.roles.lies(p.Single) {
		return "more packets do not help against a lie"
	}
	return "that much is due to more measurements, and any further gain of many to agreement"
}

func (p *Plan) offlineAlone() string {
	if len(p.roles.offline) == 0 {
		return ""
	}
	return fmt.Sprintf("; with %s nothing would be paid", listed(p.roles.offline))
}

func offBy(rmse *float64, format string) string {
	if rmse == nil {
		return ""
	}
	return fmt.Sprintf(format, points(rmse))
}

func (p *Plan) ephemeraSentence(m ModeSummary) string {
	n, f := p.Nodes, p.F()
	verb, check := "pays", "It recomputes the result from the certified block and rejects any other."
	if p.Verify == VerifyNone {
		verb, check = "should pay", "But it verifies nothing here: the first submission wins, so agreement does not help."
	}
	b := []string{fmt.Sprintf("ephemera: the contract %s the %s of reports that at least %d of %d Nym-APIs signed; up to f = %d may lie or be offline.",
		verb, p.Estimator, quorum.Correct(n), n, f), check}
	if m.RMSE != nil {
		b = append(b, fmt.Sprintf("Payments are %s points off, %s on average.", points(m.RMSE), tilt(*m.Bias)))
	}
	if m.Rewarded > 0 && m.SubmissionsLate > 0 && p.Verify == VerifyFull {
		b = append(b, "Late submissions lost the race; they would only have changed the winner.")
	}
	return strings.Join(b, " ")
}

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
	switch {
	case mean == nil:
		return []string{"There is no certified block, so there is nothing to estimate."}
	case used == nil || p.Estimator == "mean":
		return []string{"Every lie shifts the mean; the other estimators stay between two honest values if at most f Nym-APIs lie."}
	case *mean > 1.2**used && len(p.roles.liars) == 0:
		return []string{fmt.Sprintf("Nobody lies, but a few bad measurements shift the mean: it would be %s points off, compared with %s for the %s.",
			points(mean), points(used), p.Estimator)}
	case *mean > 1.2**used:
		return []string{fmt.Sprintf("The mean, which a single lie can shift, would be %s points off, compared with %s for the %s.", points(mean), points(used), p.Estimator)}
	case len(p.roles.liars) == 0:
		return []string{"Nobody lies, so the mean, which uses every value, is about as good or better. Try --liars 1 to see the effect of a lie."}
	}
	return []string{fmt.Sprintf("The lies (%s) shift the mean only slightly here: it would be %s points off, compared with %s for the %s.", p.Lie, points(mean), points(used), p.Estimator)}
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
		sentences = append(sentences, fmt.Sprintf("%s missed %s %s: %s.", k.mode, word, strings.Join(epochs[k], ", "), k.reason))
	}
	return sentences
}

// command is a shell command that the reader can paste. It may be broken between its words.
type command struct {
	what  string
	words []string
}

func (p *Plan) commands(dir string) []command {
	db := func(mode Mode) string { return quoted(dir + "/" + string(mode) + "/contract.db") }
	commands := []command{
		{"epochs, winners, attempts:", []string{"bin/contract inspect", "--db " + db(Ephemera)}},
		{"one epoch with its rewards:", []string{"bin/contract inspect --epoch last", "--db " + db(Ephemera)}},
		{"verify everything from the evidence:", []string{"bin/contract audit", "--db " + db(Ephemera)}},
		{"the same without Ephemera:", []string{"bin/contract inspect", "--db " + db(Single)}},
		{"in SQL:", []string{"sqlite3 " + db(Ephemera), "'SELECT * FROM attempts'"}},
		{"each value with its truth:", []string{"column -s, -t < " + quoted(dir+"/rewards.csv"), "| less"}},
	}
	if len(p.roles.liars) == 0 {
		commands = append(commands, command{"with a liar:", []string{"make compare ARGS='--liars 1 --lie zero'"}})
	}
	return append(commands, command{"as a cluster of containers:", []string{fmt.Sprintf("make up N=%d", p.Nodes)}})
}

// lines returns the command behind an indentation, broken with backslashes if it is too wide.
func (c command) lines(indent string) string {
	line := indent + strings.Join(c.words, " ")
	if utf8.RuneCountInString(line) <= paragraph.Width {
		return line
	}
	return indent + strings.Join(c.words, " \\\n"+indent+"  ")
}

// quoted quotes a path for a shell if necessary.
func quoted(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=:@%", r)
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
