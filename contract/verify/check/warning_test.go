package check_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// What does not change the payment is a warning that names somebody.
func TestOddReportsAreWarnedOf(t *testing.T) {
	add := func(m func(d contract.Description) block.Message) func(contract.Description, []block.Message) []block.Message {
		return func(d contract.Description, all []block.Message) []block.Message { return append(all, m(d)) }
	}
	for name, c := range map[string]struct {
		change func(contract.Description, []block.Message) []block.Message
		check  string
		says   string
	}{
		"a stranger": {add(func(d contract.Description) block.Message {
			return contracttest.Message(d, 9, contracttest.Report(d, 9))
		}), "members", "not members"},
		"another epoch": {add(func(d contract.Description) block.Message {
			other := d
			other.Epoch = 77
			return contracttest.Message(d, 3, contracttest.Report(other, 3))
		}), "epoch", "nymapi-3"},
		"other mixnodes": {add(func(d contract.Description) block.Message {
			r := contracttest.Report(d, 3)
			r.Mixnodes, r.Values = r.Mixnodes[1:], r.Values[1:]
			return contracttest.Message(d, 3, r)
		}), "order", "nymapi-3"},
		"garbage": {add(func(d contract.Description) block.Message {
			m, err := block.NewMessage(contracttest.Key(3), d.Network, d.Label(), []byte("garbage"), int64(d.End))
			if err != nil {
				panic(err)
			}
			return m
		}), "order", "not reports: nymapi-3"},
		"a second report": {add(func(d contract.Description) block.Message {
			r := contracttest.Report(d, 2)
			r.Values[0] = 0
			return contracttest.Message(d, 2, r)
		}), "one each", "two reports of nymapi-2"},
		"an early report": {func(d contract.Description, all []block.Message) []block.Message {
			m, err := block.NewMessage(contracttest.Key(2), d.Network, d.Label(), all[1].Payload(), int64(d.End)-101)
			if err != nil {
				panic(err)
			}
			all[1] = m
			return all
		}, "window", "nymapi-2"},
		"a value above 100 %": {add(func(d contract.Description) block.Message {
			r := contracttest.Report(d, 4)
			r.Values[0] = 0x1111
			payload, err := r.Encode()
			if err != nil {
				panic(err)
			}
			payload = bytes.Replace(payload, []byte{0x19, 0x11, 0x11}, []byte{0x19, 0x77, 0x77}, 1)
			m, err := block.NewMessage(contracttest.Key(4), d.Network, d.Label(), payload, int64(d.End))
			if err != nil {
				panic(err)
			}
			return m
		}), "range", "nymapi-4"},
	} {
		s := newStory()
		s.messages = func(d contract.Description, _ int, all []block.Message) []block.Message {
			if d.Epoch == 2 {
				return c.change(d, all)
			}
			return all
		}
		found := s.tell(2).presented().findings(t, 2, c.check)[0]
		require.Equal(t, check.Warning, found.Outcome, "%s: %s", name, found.Value)
		require.Contains(t, found.Value, c.says, name)
	}
}

// Reports of the same values are suspicious only if chance does not explain them.
func TestCopiedReportsAreWarnedOf(t *testing.T) {
	copied := func(mixnodes int, values func(number, mixnode int) metrics.Uptime) check.Finding {
		s := newStory()
		s.description = func(d *contract.Description) { d.Mixnodes = contracttest.Mixnodes(mixnodes) }
		s.messages = func(d contract.Description, _ int, all []block.Message) []block.Message {
			for i := range all {
				r := contracttest.Report(d, i+1)
				for j := range r.Values {
					r.Values[j] = values(i, j)
				}
				all[i] = contracttest.Message(d, i+1, r)
			}
			return all
		}
		s.tell(2)
		return s.presented().findings(t, 2, "copies")[0]
	}
	odd := func(number, mixnode int) metrics.Uptime { return metrics.Uptime(5000 + 100*max(number, 1) + mixnode) }
	found := copied(40, odd)
	require.Equal(t, check.Warning, found.Outcome)
	require.Contains(t, found.Value, "nymapi-1")
	require.Contains(t, found.Value, "nymapi-2")
	require.Regexp(t, `by chance 1 in 10\^3\d`, found.Value)
	require.Equal(t, check.Pass, copied(2, odd).Outcome, "two values coincide easily")
	require.Equal(t, check.Pass, copied(40, func(_, mixnode int) metrics.Uptime { return metrics.Full }).Outcome, "all mixnodes are always up")
}

func TestMembersThatSignTwiceAreNamed(t *testing.T) {
	s := newStory()
	s.messages = func(d contract.Description, creator int, all []block.Message) []block.Message {
		if creator == 1 {
			r := contracttest.Report(d, 3)
			r.Values[0] = 1
			all[2] = contracttest.Message(d, 3, r)
		}
		return all
	}
	found := s.tell(2).presented().findings(t, 2, "evidence")[0]
	require.Equal(t, check.Warning, found.Outcome)
	require.Equal(t, "nymapi-3 signed two reports", found.Value)

	s = newStory()
	s.tell(1)
	s.heads = map[int]block.Block{} // every member begins its chain again
	found = s.tell(1).presented().findings(t, 2, "parent")[0]
	require.Equal(t, check.Warning, found.Outcome)
	require.Contains(t, found.Value, "nymapi-3 signed two blocks for height 1")
}

// findingAfter tells the story with another description of its epochs, and returns what a check
// found about the second.
func findingAfter(t *testing.T, name string, change func(*contract.Description)) check.Finding {
	s := newStory()
	s.description = change
	return s.tell(2).presented().findings(t, 2, name)[0]
}

func TestParametersThatPromiseLessAreWarnedOf(t *testing.T) {
	low := findingAfter(t, "parameters", func(d *contract.Description) { d.Rules.Coverage = 2 })
	require.Equal(t, check.Warning, low.Outcome)
	require.Equal(t, "coverage 2 is below 2f+1 = 3: f = 1 liars may set an uptime", low.Value)

	mean := findingAfter(t, "bound", func(d *contract.Description) { d.Rules.Estimator = "mean" })
	require.Equal(t, check.Pass, mean.Outcome, "honest reports are close to each other")
	s := newStory()
	s.description = func(d *contract.Description) { d.Rules.Estimator = "mean" }
	s.messages = func(d contract.Description, _ int, all []block.Message) []block.Message {
		r := contracttest.Report(d, 1)
		r.Values[0] = 0
		all[0] = contracttest.Message(d, 1, r)
		return all
	}
	mean = s.tell(2).presented().findings(t, 2, "bound")[0]
	require.Equal(t, check.Warning, mean.Outcome)
	require.Equal(t, "mean promises none: 1 of 3 paid are outside the 2nd smallest and largest", mean.Value)
}

func TestUnknownEstimatorCannotBeChecked(t *testing.T) {
	s := told()
	b := s.epoch(1)
	b.d.Rules.Version = 77 // of a program that is newer than this one
	b.again()
	report := check.New(trusted()).Next(b.evidence())
	require.Equal(t, check.NotCheckable, finding(t, report, "parameters").Outcome)
	require.Contains(t, finding(t, report, "parameters").Value, "this program has version 1")
	require.True(t, report.Incomplete())
}

func TestAnnexIsSummedUp(t *testing.T) {
	f := told().presented() // member 2 has the reports of three members, the others those of all
	require.Equal(t, "3 blocks would pay at most 0.05 points apart (m0001)", f.findings(t, 2, "spread")[0].Value)
	require.Equal(t, "1, by the contract's word: nymapi-4 (invalid)", f.findings(t, 2, "refused")[0].Value)
	require.Equal(t, "2 verify, the last 21 ms after the window's end", f.findings(t, 2, "late")[0].Value)
	f.evidence[1].Annex = nil
	require.Equal(t, "annex", f.findings(t, 2, "spread")[0].Needs)
}

func TestMissingAndTrailingBytesAreFound(t *testing.T) {
	for name, change := range map[string]func(*check.Evidence){
		"no core":         func(e *check.Evidence) { e.Core = nil },
		"a cut core":      func(e *check.Evidence) { e.Core = e.Core[:len(e.Core)-1] },
		"a longer core":   func(e *check.Evidence) { e.Core = append(e.Core, 0) },
		"an empty annex":  func(e *check.Evidence) { e.Annex = []byte{} },
		"a longer annex":  func(e *check.Evidence) { e.Annex = append(e.Annex, 0) },
		"a core as annex": func(e *check.Evidence) { e.Annex = e.Core },
	} {
		evidence := told().epoch(1).evidence()
		change(&evidence)
		report := check.New(trusted()).Next(evidence)
		require.Equal(t, check.Fail, finding(t, report, "strict form").Outcome, name)
	}
}
