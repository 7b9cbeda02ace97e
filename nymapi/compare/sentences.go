package compare

import (
	"fmt"
	"strings"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
)

// sentences says what the rows of the modes mean, one paragraph a row.
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
	b := []string{fmt.Sprintf("single: what Nym-API %d says is paid, and nobody can check it.", p.Single)}
	switch {
	case p.roles.isOffline(p.Single):
		b = append(b, "It is away, so nothing is paid.")
	case p.roles.lies(p.Single):
		b = append(b, fmt.Sprintf("It lies (%s)%s.", p.Lie, offBy(m.RMSE, ", so payments are %s points off")))
	default:
		b = append(b, "It is honest"+offBy(m.RMSE, "; its payments are %s points off, because one alone measures little")+".")
	}
	if m.RMSEBest != nil && p.Nodes > 1 {
		b = append(b, fmt.Sprintf("Had another one been the only one, the RMSE would be %s at best, %s in the middle, %s at worst%s.",
			points(m.RMSEBest), points(m.RMSEMedian), points(m.RMSEWorst), p.awayAlone()))
	}
	if m.RMSESameProbes != nil && p.Nodes > 1 {
		b = append(b, fmt.Sprintf("If it sent %d times the packets, as many as all together: %s%s", p.Nodes, points(m.RMSESameProbes), p.moreProbesMean()))
	}
	return strings.Join(b, " ")
}

// moreProbesMean says what a Nym-API with more packets shows.
func (p *Plan) moreProbesMean() string {
	if p.roles.lies(p.Single) {
		return "; no number of packets helps against a lie."
	}
	return "; what many gain on that is agreement, the rest is only more measurements."
}

func (p *Plan) awayAlone() string {
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
	verb, check := "is paid", "The contract recomputes it from the certified block and refuses anything else."
	if p.Verify == VerifyNone {
		verb, check = "should be paid", "But the contract verifies nothing here: whoever submits first is believed, and agreement protects nobody."
	}
	b := []string{fmt.Sprintf("ephemera: the %s of what at least %d of %d Nym-APIs signed %s; up to f = %d may lie or be away.",
		p.Estimator, quorum.Correct(n), n, verb, f), check}
	if m.RMSE != nil {
		b = append(b, fmt.Sprintf("Payments are %s points off, %s on average.", points(m.RMSE), tilt(*m.Bias)))
	}
	if m.Rewarded > 0 && m.SubmissionsLate > 0 && p.Verify == VerifyFull {
		b = append(b, "Late submissions lost the race and would have changed nothing but the winner.")
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
		return "neither high nor low"
	}
}

// noTruth says why the error columns are empty.
func (p *Plan) noTruth() string {
	switch {
	case p.Source == SourceUniform:
		return "The error columns are empty: source uniform makes numbers up, as the original did, so there is no truth to compare with."
	case p.Source == SourceTrace && len(p.Truth) == 0:
		return "The error columns are empty: a trace holds no truth. Give --truth with the observers whose median is to be believed."
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
		return []string{"No certified block was seen, so there is nothing to estimate from."}
	case used == nil || p.Estimator == "mean":
		return []string{"A mean moves with every lie; the others stay between two honest values as long as at most f lie."}
	case *mean > 1.2**used && len(p.roles.liars) == 0:
		return []string{fmt.Sprintf("Nobody lies, but a few bad measurements are enough to move the mean: it would be %s points off where the %s is %s.",
			points(mean), p.Estimator, points(used))}
	case *mean > 1.2**used:
		return []string{fmt.Sprintf("The mean, which one lie can move, would be %s points off where the %s is %s.", points(mean), p.Estimator, points(used))}
	case len(p.roles.liars) == 0:
		return []string{"Nobody lies, so the mean, which uses every value, does about as well or better. See what a lie does to it with --liars 1."}
	}
	return []string{fmt.Sprintf("The lies (%s) move the mean little here: %s points off, the %s %s.", p.Lie, points(mean), p.Estimator, points(used))}
}

// missedSentences says why epochs were missed, one paragraph for all with the same reason.
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

// command is something that the reader can paste.
type command struct{ what, line string }

func (p *Plan) commands(dir string) []command {
	db := func(mode Mode) string { return quoted(dir + "/" + string(mode) + "/contract.db") }
	commands := []command{
		{"epochs, winners, attempts:", "bin/contract inspect --db " + db(Ephemera)},
		{"one epoch with its rewards:", "bin/contract inspect --epoch last --db " + db(Ephemera)},
		{"check all of it from evidence:", "bin/contract audit --db " + db(Ephemera)},
		{"the same without Ephemera:", "bin/contract inspect --db " + db(Single)},
		{"in SQL:", "sqlite3 " + db(Ephemera) + " 'SELECT * FROM attempts'"},
		{"each value with its truth:", "column -s, -t < " + quoted(dir+"/rewards.csv") + " | less"},
	}
	if len(p.roles.liars) == 0 {
		commands = append(commands, command{"with a liar:", "make compare ARGS='--liars 1 --lie zero'"})
	}
	return append(commands, command{"as a cluster of containers:", fmt.Sprintf("make up N=%d", p.Nodes)})
}

// quoted returns a path for a shell.
func quoted(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=:@%", r)
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
