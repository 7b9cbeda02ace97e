package shadow

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/metrics/worth"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/rows"
)

// listed is how many nodes, outages and gaps a sentence lists.
const listed = 10

// Title says what was read.
func (s Summary) Title() string {
	return fmt.Sprintf("Shadow run over %s, kind %s: %s, from %s to %s UTC.", s.Database, s.Kind, s.length(), clock(s.Start), clock(s.End))
}

func (s Summary) length() string {
	text := fmt.Sprintf("%s of %s", counted(s.Epochs, "epoch"), plainDuration(s.Epoch))
	if s.Empty > 0 {
		text += fmt.Sprintf(" (%d of them without any row)", s.Empty)
	}
	return text
}

// Roles says what f is, and what that means.
func (s Summary) Roles() string {
	n := s.active()
	switch {
	case s.Kind == rows.V1:
		return "Monitor v1 is a single monitor, so it takes the part of a single Nym-API: nobody can contradict it, and f is 0. " +
			"The rules differ only in what a missing row counts as. For the single mean it is a 0, as for Nym, if another node has a row " +
			"in that run; for all others it is missing."
	case n == 1:
		return "One submitter measured everything, so its word is final, as with a single Nym-API: nobody can contradict it, and f is 0. " +
			"All rules score the same, but for rounding."
	case n <= 3:
		return fmt.Sprintf("%d submitters take the part of Nym-APIs. f = floor((n-1)/3) is 0: no rule is certain to withstand a wrong submitter, and one "+
			"report is enough for a score. %s It takes four submitters to withstand one. Their disagreement is shown nevertheless.", n, outvoted(n))
	}
	return fmt.Sprintf("%d submitters take the part of Nym-APIs. Up to f = %d of them may be wrong: where a node has at least 2f+1 = %d reports, all rules but "+
		"single and mean score between two honest reports (performance rounds them to whole percents). A node with fewer reports has no score here, except by single and performance.", n, s.F, s.Coverage)
}

func outvoted(n int) string {
	if n == 2 {
		return "The median of two is their mean, and which of the two is wrong cannot be told."
	}
	return "The median of three ignores one wrong report, but only about nodes for which there are three."
}

// active counts the submitters with a row in the window.
func (s Summary) active() int {
	count := 0
	for _, line := range s.Submitters {
		if line.Rows > 0 {
			count++
		}
	}
	return count
}

// RowsSentence says what was done with the rows.
func (s Summary) RowsSentence() string {
	text := fmt.Sprintf("Of %s, %d are used: they are about %s.", counted(s.Rows.Read, "row"), s.Rows.Used, counted(s.Nodes, "node"))
	if s.Rows.Before+s.Rows.After > 0 {
		text += fmt.Sprintf(" %d are older than the window and %d newer.", s.Rows.Before, s.Rows.After)
	}
	if s.Rows.Duplicate > 0 {
		text += fmt.Sprintf(" %d repeat the node, time and submitter of another one.", s.Rows.Duplicate)
	}
	for _, u := range s.Rows.Unusable {
		text += fmt.Sprintf(" Of the whole table, %d cannot be used: %s (the first is %s).", u.Count, u.Reason, u.Example)
	}
	for _, line := range s.Submitters {
		if line.After > 0 && s.Newest {
			text += fmt.Sprintf(" %s dated %s in the future: its clock may be wrong.", short(line.Name), counted(line.After, "row"))
		}
	}
	return text
}

// SubmitterLegend explains the figures of submitters.
func (s Summary) SubmitterLegend() string {
	return "A report is the mean of a submitter's rows about a node in an epoch. No row: cells (node and epoch) without a row of the submitter, of those that " +
		"anybody measured. Unreached: cells in which the node answered none of its rows, of those it measured. Distance: mean absolute difference between a " +
		"report and the median of all others about the same node, in points of 0 to 100. Bias: the same with sign. It can be below 0 for all, because most reports are at 100 and a few far below. " + s.intervals()
}

func (s Summary) intervals() string {
	if s.Epochs-s.Empty < s.Bootstrap.LeastEpochs {
		return fmt.Sprintf("There are no intervals, because they need %d epochs.", s.Bootstrap.LeastEpochs)
	}
	return fmt.Sprintf("Intervals are those of 95 %%: %d resamples of the epochs, in blocks of %d.", s.Bootstrap.Resamples, s.Bootstrap.BlockEpochs)
}

// StandOuts says which submitters and how many nodes stand out.
func (s Summary) StandOuts() []string {
	var sentences []string
	for _, line := range s.Submitters {
		if line.StandOut {
			direction := "more"
			if line.Bias.Value < 0 {
				direction = "less"
			}
			sentences = append(sentences, fmt.Sprintf("%s stands out: it is %.1f points from the others, %.1f more than the median other, and reports %.1f points %s on average.",
				short(line.Name), line.Distance.Value, line.Excess.Value, max(line.Bias.Value, -line.Bias.Value), direction))
		}
	}
	if len(sentences) == 0 && s.active() > 1 {
		sentences = append(sentences, "No submitter stands out.")
	}
	if s.active() > 1 {
		sentences = append(sentences, s.nodesOut())
	}
	return sentences
}

// nodesOut says how many nodes stand out, and because of whom.
func (s Summary) nodesOut() string {
	nodes, because := 0, map[string]int{}
	for _, n := range s.PerNode {
		if n.StandOut {
			nodes++
			because[n.FarthestName]++
		}
	}
	text := fmt.Sprintf("Of %s, %d stand out", counted(s.Nodes, "node"), nodes)
	names := slices.Sorted(maps.Keys(because))
	slices.SortStableFunc(names, func(a, b string) int { return because[b] - because[a] })
	var reasons []string
	for _, name := range names {
		reasons = append(reasons, fmt.Sprintf("%d because of %s", because[name], short(name)))
	}
	if len(reasons) > 0 {
		text += ": " + some(reasons)
	}
	return text + "."
}

// RuleLegend explains the prices of rules.
func (s Summary) RuleLegend() []string {
	text := fmt.Sprintf("Each rule compared with single, the mean of all rows that scores nodes at Nym today. Unpaid: cells that only single scores. Points: mean absolute "+
		"difference of the scores. Bias: single minus the rule. NYM: of the %.2f of an epoch, what is paid otherwise if single's chances decide who is drawn; "+
		"an unpaid node loses all. Places: how many of the %d places go to other nodes, if the chance grows with score^20 and stakes are equal.", worth.Budget, s.Places)
	if s.Nodes <= s.Places {
		text += fmt.Sprintf(" With %s for %d places, every node with a score above 0 is drawn.", counted(s.Nodes, "node"), s.Places)
	}
	return []string{text, "wmedian knows the submitters by the epochs up to two before. performance is the rule of Nym's performance contract, with all weight on this kind of " +
		"measurements: reports in whole percents, and their median without a least number of reports. No rule uses values of earlier epochs here, as the contracts do for a while."}
}

// NodeLegend explains the figures of nodes.
func (s Summary) NodeLegend() string {
	return fmt.Sprintf("First the nodes that stand out, then those with the largest differences, then those whose score changes most. Difference: between two submitters' reports in an epoch, on average; part of it is "+
		"chance. Farthest: the submitter whose reports differ most from the mean of the others', and by how much on average, in which chance cancels out. The rule is %s; single minus rule in points. "+
		"NYM: what single pays more for an epoch in the rewarded set. Chance: to be drawn in an epoch.", s.Estimator)
}

// Findings says what is remarkable in the measurements.
func (s Summary) Findings() []string {
	found := []string{s.alone()}
	if n := s.active(); s.Missed > s.Empty {
		found = append(found, fmt.Sprintf("In %s fewer than n-f = %d submitters measured anything: the group would have missed them, and paid what was measured before.",
			counted(s.Missed, "epoch"), n-s.F))
	}
	var places, outages, gaps []string
	for _, p := range s.OnePlace {
		places = append(places, fmt.Sprintf("%s from %s (%.0f %% of its %s, %.0f %% of the others')", short(p.Node), short(p.Submitter),
			100*p.Unreachable, counted(p.Rows, "row"), 100*p.Others))
	}
	for _, o := range s.Outages {
		outages = append(outages, fmt.Sprintf("%s at %s for %s (%d of %s)", short(o.Submitter), clock(o.Start), plainDuration(o.Length), o.Zeros, counted(o.Rows, "row")))
	}
	for _, g := range s.Gaps {
		gaps = append(gaps, fmt.Sprintf("%s from %s on for %s", short(g.Submitter), clock(g.Start), counted(g.Epochs, "epoch")))
	}
	add := func(what string, list []string) {
		if len(list) > 0 {
			found = append(found, what+": "+some(list)+".")
		}
	}
	add("Unreachable from one place, although the others reach it", places)
	add("Almost all nodes at zero at once, which says more about the submitter than about the nodes", outages)
	add("No row at all", gaps)
	return found
}

// alone says how many nodes one submitter judged alone.
func (s Summary) alone() string {
	if s.active() == 1 {
		return "Every node was judged by one submitter alone."
	}
	cells, judged := 0, 0
	var always []string
	for _, n := range s.PerNode {
		cells, judged = cells+n.Alone, judged+n.Judged
		if n.Alone == n.Judged && n.Judged > 0 {
			always = append(always, short(n.Node.String()))
		}
	}
	if cells == 0 {
		return "No node was judged by one submitter alone, in any epoch."
	}
	text := fmt.Sprintf("One submitter alone judged a node in %d of %d cells", cells, judged)
	if len(always) > 0 {
		return text + fmt.Sprintf(", always for %s: %s.", counted(len(always), "node"), some(always))
	}
	return text + ", for no node always."
}

// some lists the first of several things.
func some(list []string) string {
	if more := len(list) - listed; more > 0 {
		return strings.Join(list[:listed], ", ") + fmt.Sprintf(", and %d more", more)
	}
	return strings.Join(list, ", ")
}

// plainDuration shortens 1h0m0s to 1h.
func plainDuration(text string) string {
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
