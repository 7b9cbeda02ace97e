package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// Texts for people, at most columns wide.

const (
	columns80 = 80
	// The columns of a check: its number, name, outcome and value.
	nameWidth, outcomeWidth = 14, 7
	valueColumn             = 2 + 2 + nameWidth + 2 + outcomeWidth + 2
)

// Text returns the findings about one epoch, one line for each check unless its value is longer.
func (r Report) Text() string {
	var out strings.Builder
	out.WriteString(r.title())
	for i := 0; i < len(r.Findings); {
		f, next := r.Findings[i], i+1
		for f.Outcome == NotCheckable && next < len(r.Findings) && same(f, r.Findings[next]) {
			next++
		}
		label := fmt.Sprintf("%2d  %s", f.Number, f.Name)
		if next > i+1 {
			label = fmt.Sprintf("%2d to %d", f.Number, r.Findings[next-1].Number)
		}
		line := fmt.Sprintf("%-*s  %-*s  ", 2+2+nameWidth, label, outcomeWidth, f.Outcome)
		if f.Outcome == NotCheckable { // too long for the column
			line = strings.TrimRight(line, " ") + ": "
		}
		out.WriteString(hang(line, f.Value, valueColumn))
		i = next
	}
	return out.String()
}

// same reports whether two checks could not be made for the same reason.
func same(a, b Finding) bool {
	return b.Outcome == NotCheckable && a.Value == b.Value
}

func (r Report) title() string {
	title := ""
	if r.Source != "" {
		title = r.Source + "\n"
	}
	switch {
	case r.Epoch == 0:
		return title
	case r.Winner != nil:
		return title + fmt.Sprintf("epoch %d of %s: %s, won by %s\n", r.Epoch, r.Network, r.Status, called(*r.Winner))
	}
	return title + fmt.Sprintf("epoch %d of %s: %s\n", r.Epoch, r.Network, r.Status)
}

func called(s contract.Signatory) string {
	if s.Name != "" {
		return s.Name
	}
	return s.Key.Short()
}

// Text returns the outcomes of each check over all epochs, and the problems.
func (s Summary) Text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s of %s: %s\n", s.span(), s.Network, s.kinds())
	fmt.Fprintf(&out, "%2s  %-*s  %7s  %7s  %7s  %13s\n", "", nameWidth, "check", Pass, Fail, Warning, NotCheckable)
	for _, t := range s.Checks {
		if t == (Total{Number: t.Number, Name: t.Name}) {
			continue
		}
		line := fmt.Sprintf("%2d  %-*s  %7s  %7s  %7s  %13s", t.Number, nameWidth, t.Name, blank(t.Pass), blank(t.Fail), blank(t.Warning), blank(t.NotCheckable))
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return out.String() + s.Problems()
}

// span names the epochs. There can be several cores of one.
func (s Summary) span() string {
	if s.First == s.Last {
		return fmt.Sprintf("%s of epoch %d", count(s.Epochs, "core"), s.First)
	}
	return fmt.Sprintf("epochs %d to %d", s.First, s.Last)
}

// kinds returns how many epochs there are of each kind.
func (s Summary) kinds() string {
	var kinds []string
	for _, k := range []struct {
		number int
		text   string
	}{
		{s.Proven, "proven by signed reports"}, {s.Unproven - s.Medians, "on the word of the winner"}, {s.Medians, "medians of values without names"}, {s.Missed, "missed"}, {s.Failed, "FAILED"},
	} {
		if k.number > 0 {
			kinds = append(kinds, grouped(k.number)+" "+k.text)
		}
	}
	return strings.Join(kinds, ", ")
}

func blank(n int) string {
	if n == 0 {
		return ""
	}
	return grouped(n)
}

// Problems returns the failed checks and then the warnings, at most twenty lines of each unless one
// is longer. What was found alike about several epochs is one line. It is empty without any.
func (s Summary) Problems() string {
	const most = 20
	var out strings.Builder
	for _, outcome := range []Outcome{Fail, Warning} {
		lines := s.alike(outcome)
		for _, line := range lines[:min(len(lines), most)] {
			d := line[0]
			out.WriteString(hang("", fmt.Sprintf("%s, %s, check %d, %s: %s", outcome, where(line), d.Number, d.Name, d.Value), 2))
		}
		if more := len(lines) - most; more > 0 {
			fmt.Fprintf(&out, "%s: %s more\n", outcome, grouped(more))
		}
	}
	return out.String()
}

// alike returns the deviations with an outcome, those together that differ in the epoch alone.
func (s Summary) alike(outcome Outcome) [][]Deviation {
	var lines [][]Deviation
	at := map[Finding]int{}
	for _, d := range s.Deviations {
		if d.Outcome != outcome {
			continue
		}
		i, known := at[d.Finding]
		if !known || d.Epoch == 0 {
			at[d.Finding], lines = len(lines), append(lines, []Deviation{d})
		} else {
			lines[i] = append(lines[i], d)
		}
	}
	return lines
}

// where names the epochs of deviations, or the source of one that says no epoch.
func where(deviations []Deviation) string {
	first, last := deviations[0], deviations[len(deviations)-1]
	switch n := len(deviations); {
	case first.Epoch == 0:
		return first.Source
	case n == 1:
		return fmt.Sprintf("epoch %d", first.Epoch)
	case last.Epoch-first.Epoch == contract.Epoch(n-1):
		return fmt.Sprintf("epochs %d to %d", first.Epoch, last.Epoch)
	default:
		return fmt.Sprintf("%d epochs from %d to %d", n, first.Epoch, last.Epoch)
	}
}

// Closing returns what the checks amount to, in plain words.
func (s Summary) Closing() string {
	var out strings.Builder
	say := func(format string, args ...any) { out.WriteString(hang("", fmt.Sprintf(format, args...), 0)) }
	passed, all := s.Count(Pass), s.Count(Pass)+s.Count(Fail)+s.Count(Warning)
	say("%s of %s passed%s.", grouped(passed), count(all, "check"), s.others())
	out.WriteString("\n")
	s.trusted(say)
	s.people(say)
	out.WriteString("\n")
	say("What no evidence can prove:")
	for _, limit := range s.limits() {
		out.WriteString(hang("- ", limit, 2))
	}
	return out.String()
}

func (s Summary) others() string {
	text := ""
	for _, o := range []Outcome{Fail, Warning} {
		if n := s.Count(o); n > 0 {
			text += fmt.Sprintf(", %d %s", n, map[Outcome]string{Fail: "FAILED", Warning: "with a warning"}[o])
		}
	}
	if n := s.Count(NotCheckable); n > 0 {
		text += fmt.Sprintf("; %d could not be made", n)
	}
	return text
}

func (s Summary) trusted(say func(string, ...any)) {
	group, key := s.total("group"), s.total("contract key")
	switch {
	case group.Fail > 0 && key.Fail > 0:
		say("Group and contract key are not those of your trusted copies%s.", s.in(max(group.Fail, key.Fail)))
	case group.Fail > 0:
		say("The group is not that of your trusted copy%s.", s.in(group.Fail))
	case key.Fail > 0:
		say("The contract's key is not your trusted one%s.", s.in(key.Fail))
	case group.Pass+key.Pass == 0 && (s.Trust.Group || s.Trust.Contract):
		say("Nothing could be compared with your trusted copies.")
	case s.Trust.Group && s.Trust.Contract:
		say("Group and contract key are those of your trusted copies.")
	case s.Trust.Group:
		say("The group is that of your trusted copy. The contract's key is what the evidence says of itself: give --contract-key.")
	case s.Trust.Contract:
		say("The contract's key is your trusted one. The group is what the evidence says of itself: give --group, or the contract's owner may have made up its members.")
	default:
		say("Nothing was compared with a trusted copy: group and contract key are what the evidence says of itself, and its author may have made up both. Give --group and --contract-key.")
	}
}

// in says of how many epochs something holds, unless it is all of them.
func (s Summary) in(epochs int) string {
	if epochs == s.Epochs {
		return ""
	}
	return fmt.Sprintf(" in %d of %d epochs", epochs, s.Epochs)
}

func (s Summary) total(name string) Total {
	return s.Checks[slices.IndexFunc(s.Checks, func(t Total) bool { return t.Name == name })]
}

// people names who reported and signed.
func (s Summary) people(say func(string, ...any)) {
	rewarded := s.Rewarded
	if rewarded == 0 || len(s.Members) == 0 {
		return
	}
	list := func(number func(Member) int) string {
		var names []string
		for _, m := range s.Members {
			switch n := number(m); {
			case n == 0:
			case n == rewarded:
				names = append(names, called(m.Signatory))
			default:
				names = append(names, fmt.Sprintf("%s (%d of %d)", called(m.Signatory), n, rewarded))
			}
		}
		if len(names) == 0 {
			return "nobody"
		}
		return strings.Join(names, ", ")
	}
	say("Won: %s.", list(func(m Member) int { return m.Won }))
	if s.Unproven == rewarded {
		return
	}
	say("Reported: %s.", list(func(m Member) int { return m.Reported }))
	say("Signed the blocks: %s.", list(func(m Member) int { return m.Signed }))
}

// limits are what remains a matter of trust.
func (s Summary) limits() []string {
	head := "that no later epoch was removed: no reports that were given name a record, so any epoch at the end may be missing;"
	if w := s.Witness; w != nil {
		head = fmt.Sprintf("that no epoch after epoch %d was removed or changed by the contract: up to there %d members signed the chain, with their reports on epoch %d;", w.Epoch, w.Members, w.By)
	}
	var limits []string
	if winners := s.Unproven - s.Medians; winners > 0 {
		limits = append(limits, fmt.Sprintf("what was measured in %s that %s on the word of the winner;", count(winners, "epoch"), map[bool]string{true: "rests", false: "rest"}[winners == 1]))
	}
	if s.Medians > 0 {
		limits = append(limits, fmt.Sprintf("who submitted the values of %s in mode performance-contract, and that none is missing: they have no names and no signatures, and the rules let an admin remove them;",
			count(s.Medians, "epoch")))
	}
	if s.Unproven < s.Rewarded {
		limits = append(limits, "that a reporter measured what it signed;",
			"that no report was withheld: a block needs those of n-f members, and its creator may leave out f;")
	}
	return append(limits,
		head,
		"when something happened: times of settlement are the contract's clock;",
		"that the contract did not sign its whole chain again before anybody saw it.",
	)
}

// hang returns a text after a prefix, broken at columns80 with later lines indented.
func hang(prefix, text string, indent int) string {
	var out strings.Builder
	line := prefix
	width := len(prefix)
	begun := false
	for word := range strings.FieldsSeq(text) {
		length := len([]rune(word))
		if begun && width+1+length > columns80 {
			out.WriteString(line + "\n")
			line, width, begun = strings.Repeat(" ", indent), indent, false
		}
		if begun {
			line, width = line+" ", width+1
		}
		line, width, begun = line+word, width+length, true
	}
	return out.String() + line + "\n"
}

// count returns a number and a noun in the right number.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return grouped(n) + " " + noun
}

// grouped returns a number with its digits in groups of three.
func grouped(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// ordinal returns 1st, 2nd and so on.
func ordinal(n int) string {
	suffix := "th"
	if tens := n / 10 % 10; tens != 1 && n%10 >= 1 && n%10 <= 3 {
		suffix = []string{"st", "nd", "rd"}[n%10-1]
	}
	return fmt.Sprint(n) + suffix
}

func short(hex string) string { return hex[:8] }
