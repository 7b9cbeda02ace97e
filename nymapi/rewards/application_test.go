package rewards_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// garbage is a well-formed report of an unknown description, under the epoch's label.
func garbage(d contract.Description, number int) block.Message {
	r := contracttest.Report(d, number)
	r.Description[0] ^= 1
	return contracttest.Message(d, number, r)
}

// second is another report of a member for the same epoch.
func second(d contract.Description, number int) block.Message {
	r := contracttest.Report(d, number)
	r.Values[0] = 1234
	return contracttest.Message(d, number, r)
}

func labelled(t testing.TB, label string, payload []byte, number int) block.Message {
	t.Helper()
	m, err := block.NewMessage(contracttest.Key(number), contracttest.Network, label, payload, 1)
	require.NoError(t, err)
	return m
}

func TestCheckMessageChecksTheForm(t *testing.T) {
	d := describe(1, 4)
	m := newMember(t, 1, 4, newCalendar())
	report, err := contracttest.Report(d, 2).Encode()
	require.NoError(t, err)
	for name, good := range map[string]block.Message{
		"a report":             contracttest.Message(d, 2, contracttest.Report(d, 2)),
		"the same again":       contracttest.Message(d, 2, contracttest.Report(d, 2)),
		"a second one":         second(d, 2),
		"unknown description":  garbage(d, 3),
		"an epoch far away":    labelled(t, "epoch/999999", report, 2),
		"of other mixnodes":    contracttest.Message(d, 2, metrics.Report{Description: d.Hash(), Mixnodes: []metrics.MixID{"x"}, Values: []metrics.Uptime{1}}),
		"with a missing value": contracttest.Message(d, 2, metrics.Report{Description: d.Hash(), Mixnodes: []metrics.MixID{"x"}, Values: []metrics.Uptime{metrics.Missing}}),
	} {
		require.True(t, m.CheckMessage(t.Context(), good).IsAccept(), name)
	}
	for name, bad := range map[string]block.Message{
		"a stranger's":          contracttest.Message(d, 5, contracttest.Report(d, 5)),
		"without label":         labelled(t, "", report, 2),
		"another label":         labelled(t, "notice", report, 2),
		"epoch 0":               labelled(t, "epoch/0", report, 2),
		"a label written oddly": labelled(t, "epoch/01", report, 2),
		"a negative epoch":      labelled(t, "epoch/-1", report, 2),
		"no report":             labelled(t, "epoch/1", []byte("uptime"), 2),
		"trailing bytes":        labelled(t, "epoch/1", append(slices.Clone(report), 0), 2),
		"nothing":               labelled(t, "epoch/1", nil, 2),
	} {
		decision := m.CheckMessage(t.Context(), bad)
		require.True(t, decision.IsReject(), name)
		require.Contains(t, decision.Reason(), verify.ErrNoReport.Error(), name)
	}
}

func TestABlockIsReadyWithAllReportsOrAfterTheDeadline(t *testing.T) {
	d := describe(1, 4)
	all := contracttest.Messages(d, 1, 2, 3, 4)
	for _, test := range []struct {
		name       string
		after      contract.Millis // the end of the epoch
		candidates []block.Message
		picked     []block.Message
	}{
		{"nothing", 60_000, nil, nil},
		{"before the end", -1, all, nil},
		{"all at the end", 0, all, all},
		{"three before the deadline", 4_999, all[:3], nil},
		{"three at the deadline", 5_000, all[:3], all[:3]},
		{"two are too few", 60_000, all[:2], nil},
		{"in the order of arrival", 0, []block.Message{all[3], all[0], all[2], all[1]}, []block.Message{all[3], all[0], all[2], all[1]}},
		{"the first of each member", 0, slices.Insert(slices.Clone(all), 1, second(d, 1)), all},
		{"garbage is left out", 0, slices.Insert(slices.Clone(all), 0, garbage(d, 1), garbage(d, 2)), all},
		{"another epoch is left out", 0, slices.Concat(contracttest.Messages(describe(2, 4), 1, 2), all), all},
		{"a stranger is left out", 60_000, append(contracttest.Messages(d, 5), all[:2]...), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			calendar := newCalendar(d)
			calendar.set(d.End + test.after)
			m := newMember(t, 1, 4, calendar)
			got := m.NextBlock(t.Context(), m.turn(test.candidates))
			require.Len(t, got, len(test.picked))
			if len(got) > 0 {
				require.Equal(t, ids(test.picked), got)
			}
		})
	}
}

func TestNothingIsReadyWhileTheTimeIsNotKnown(t *testing.T) {
	d := describe(1, 4)
	calendar := newCalendar(d)
	calendar.known = false
	m := newMember(t, 1, 4, calendar)
	require.Empty(t, m.NextBlock(t.Context(), m.turn(contracttest.Messages(d, 1, 2, 3, 4))))
	require.Equal(t, "later", m.CheckBlock(t.Context(), contracttest.Block(d, 2, contracttest.Messages(d, 1, 2, 3))).Name())
}

func TestAMemberMakesOneBlockForEachEpoch(t *testing.T) {
	first, next := describe(1, 4), describe(2, 4)
	calendar, dir := newCalendar(first, next), t.TempDir()
	calendar.set(next.End)
	m := openMember(t, dir, 1, 4, calendar)
	messages := contracttest.Messages(first, 1, 2, 3, 4)
	later := contracttest.Messages(next, 1, 2, 3, 4)
	candidates := slices.Concat(messages, later)

	require.Equal(t, ids(messages), m.NextBlock(t.Context(), m.turn(candidates)))
	require.Equal(t, ids(messages), m.NextBlock(t.Context(), m.turn(candidates)), "asked again before it was made")
	own := contracttest.Block(first, 1, messages)
	require.Equal(t, "accept", m.CheckBlock(t.Context(), own).Name())
	require.Equal(t, ids(later), m.NextBlock(t.Context(), m.turn(candidates)), "the next epoch")

	// The node has the block in its store, and it is not delivered yet.
	restarted := openMember(t, dir, 1, 4, calendar, own)
	require.Equal(t, ids(later), restarted.NextBlock(t.Context(), restarted.turn(candidates)))
	require.NoError(t, restarted.DeliverBlock(t.Context(), own, contracttest.Certify(first, own, 1, 2, 3)))
	restarted = openMember(t, dir, 1, 4, calendar) // it was delivered, so the database knows it
	require.Equal(t, ids(later), restarted.NextBlock(t.Context(), restarted.turn(candidates)))

	calendar.settle(2, contract.StatusMissed, nil)
	require.Empty(t, restarted.NextBlock(t.Context(), restarted.turn(candidates)), "settled")
}

func TestAnOwnBlockRemovesItsEpochFromTheMempool(t *testing.T) {
	d, next := describe(1, 4), describe(2, 4)
	m := newMember(t, 1, 4, newCalendar(d, next))
	messages := contracttest.Messages(d, 1, 2, 3, 4)
	stale := []block.Message{second(d, 2), garbage(d, 3), labelled(t, "epoch/1", []byte("no report"), 4)}
	kept := contracttest.Messages(next, 1, 2)
	m.NextBlock(t.Context(), m.turn(slices.Concat(stale, messages, kept)))
	decision := m.CheckBlock(t.Context(), contracttest.Block(d, 1, messages))
	require.Equal(t, "accept", decision.Name())
	require.ElementsMatch(t, ids(stale), decision.Drops())

	decision = m.CheckBlock(t.Context(), contracttest.Block(d, 2, messages))
	require.Equal(t, "accept", decision.Name())
	require.Empty(t, decision.Drops(), "only own blocks empty the mempool")
}

func TestBlocksAreJudgedByTheirBytes(t *testing.T) {
	d, other := describe(1, 4), describe(2, 4)
	others := describe(1, 4)
	others.Mixnodes = contracttest.Mixnodes(2)
	short := contracttest.Report(d, 4)
	short.Mixnodes, short.Values = short.Mixnodes[:2], short.Values[:2]
	lying := make([]block.Message, 3) // reports of epoch 1 under the label of epoch 2
	for i := range lying {
		payload, err := contracttest.Report(d, i+1).Encode()
		require.NoError(t, err)
		lying[i] = labelled(t, other.Label(), payload, i+1)
	}
	all := contracttest.Messages(d, 1, 2, 3, 4)
	for _, test := range []struct {
		name     string
		messages []block.Message
		verdict  string
	}{
		{"all reports", all, "accept"},
		{"n-f reports", all[:3], "accept"},
		{"with garbage before them", append([]block.Message{garbage(d, 1), garbage(d, 2)}, all...), "accept"},
		{"with a second report", append(slices.Clone(all), second(d, 1)), "accept"},
		{"with something else", append(slices.Clone(all), labelled(t, "notice", []byte("hello"), 1)), "accept"},
		{"nothing", nil, "reject"},
		{"too few", all[:2], "reject"},
		{"too few, one twice", append(slices.Clone(all[:2]), second(d, 1)), "reject"},
		{"a stranger among them", contracttest.Messages(d, 1, 2, 5), "reject"},
		{"one of other mixnodes", append(slices.Clone(all[:2]), contracttest.Message(d, 4, short)), "reject"},
		{"two epochs", slices.Concat(all, contracttest.Messages(other, 1, 2, 3)), "reject"},
		{"under another label", lying, "reject"},
		{"an unknown description", contracttest.Messages(others, 1, 2, 3), "later"},
		{"reports of the future", contracttest.Messages(describe(9, 4), 1, 2, 3), "later"},
	} {
		t.Run(test.name, func(t *testing.T) {
			calendar := newCalendar(d, other)
			calendar.set(d.End + 7_000)
			m := newMember(t, 1, 4, calendar)
			decision := m.CheckBlock(t.Context(), contracttest.Block(d, 2, test.messages))
			require.Equal(t, test.verdict, decision.Name(), decision.Reason())
			require.Equal(t, test.verdict != "accept", decision.Reason() != "")
			require.Equal(t, test.verdict == "later", len(calendar.wanted) == 1)
		})
	}
}

func TestBlocksThatOmitReportsHaveToWait(t *testing.T) {
	d := describe(1, 4)
	all := contracttest.Messages(d, 1, 2, 3, 4)
	without := contracttest.Block(d, 2, all[:3])
	calendar := newCalendar(d)
	held := newMember(t, 1, 4, calendar) // holds the report that the block leaves out
	missing := newMember(t, 3, 4, calendar)
	calendar.set(d.End + 4_000)
	require.True(t, held.CheckMessage(t.Context(), all[3]).IsAccept())
	for _, moment := range []struct {
		after         contract.Millis
		held, missing string
	}{
		{after: 0, held: "later", missing: "later"},
		{after: 4_999, held: "later", missing: "later"},
		{after: 5_000, held: "later", missing: "accept"},
		{after: 6_999, held: "later", missing: "accept"},
		{after: 7_000, held: "accept", missing: "accept"},
	} {
		calendar.set(d.End + moment.after)
		require.Equal(t, moment.held, held.CheckBlock(t.Context(), without).Name(), "held, %d ms after the end", moment.after)
		require.Equal(t, moment.missing, missing.CheckBlock(t.Context(), without).Name(), "missing, %d ms after the end", moment.after)
		require.Equal(t, "accept", held.CheckBlock(t.Context(), contracttest.Block(d, 2, all)).Name(), "a complete block is always accepted")
	}
}

func TestBlocksDoNotWaitForReportsThatArriveAfterTheDeadline(t *testing.T) {
	d := describe(1, 4)
	all := contracttest.Messages(d, 1, 2, 3, 4)
	calendar := newCalendar(d)
	m := newMember(t, 1, 4, calendar)
	calendar.set(d.End + 5_001)
	require.True(t, m.CheckMessage(t.Context(), all[3]).IsAccept())
	require.Equal(t, "accept", m.CheckBlock(t.Context(), contracttest.Block(d, 2, all[:3])).Name())
}

// After the grace period all members give the same verdict, whatever each of them received before
// and in whatever order.
func TestTheVerdictIsAFunctionOfTheBlock(t *testing.T) {
	d, other := describe(1, 4), describe(2, 4)
	pool := slices.Concat(contracttest.Messages(d, 1, 2, 3, 4, 5), contracttest.Messages(other, 1, 2, 3, 4),
		[]block.Message{second(d, 1), second(d, 2), garbage(d, 3), garbage(d, 4), labelled(t, "notice", nil, 1)})
	members := make([]*member, 2)
	for i := range members {
		members[i] = newMember(t, 1+i, 4, newCalendar(d, other))
	}
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, 9, block.Message.ID).Draw(t, "block")
		b := contracttest.Block(d, 3, content)
		var verdicts []string
		for _, m := range members {
			seen := rapid.SliceOfN(rapid.SampledFrom(pool), 0, 9).Draw(t, "seen")
			m.calendar.set(d.End + contract.Millis(rapid.Int64Range(0, 7_000).Draw(t, "moment")))
			for _, message := range seen {
				_ = m.CheckMessage(t.Context(), message) // messages of strangers and notices are refused
			}
			early := m.CheckBlock(t.Context(), b).Name()
			m.calendar.set(d.End + 7_000 + contract.Millis(rapid.Int64Range(20_000, 100_000).Draw(t, "later")))
			late := m.CheckBlock(t.Context(), b).Name()
			require.NotEqual(t, "later", late)
			require.Contains(t, []string{"later", late}, early, "time only delays")
			verdicts = append(verdicts, late)
		}
		require.Equal(t, verdicts[0], verdicts[1])
		slices.Reverse(content)
		require.Equal(t, verdicts[0], members[0].CheckBlock(t.Context(), contracttest.Block(d, 3, content)).Name(), "in any order")
	})
}

func TestTwoReportsOfOneMemberAreEvidence(t *testing.T) {
	d := describe(1, 4)
	m := newMember(t, 1, 4, newCalendar(d))
	for _, message := range []block.Message{
		contracttest.Message(d, 2, contracttest.Report(d, 2)), contracttest.Message(d, 2, contracttest.Report(d, 2)),
		contracttest.Message(d, 3, contracttest.Report(d, 3)), garbage(d, 3),
	} {
		require.True(t, m.CheckMessage(t.Context(), message).IsAccept())
	}
	double, err := m.store.DoubleReports(t.Context())
	require.NoError(t, err)
	require.Empty(t, double)

	require.True(t, m.CheckMessage(t.Context(), second(d, 2)).IsAccept())
	content := contracttest.Messages(d, 1, 2, 4)
	require.True(t, m.CheckMessage(t.Context(), content[2]).IsAccept())
	m.CheckBlock(t.Context(), contracttest.Block(d, 4, append(content, second(d, 4)))) // in a block
	double, err = m.store.DoubleReports(t.Context())
	require.NoError(t, err)
	require.Contains(t, double, rewards.DoubleReport{Epoch: 1, Member: public(2)})
	require.NotContains(t, double, rewards.DoubleReport{Epoch: 1, Member: public(3)})
}

func TestTheOwnBlockIsSubmittedOnce(t *testing.T) {
	d := describe(1, 4)
	calendar, dir := newCalendar(d), t.TempDir()
	m := openMember(t, dir, 1, 4, calendar)
	evidence := contracttest.Evidence(d, 1)
	foreign := contracttest.Evidence(d, 2)
	require.NoError(t, m.DeliverBlock(t.Context(), foreign.Block, foreign.Certificate))
	require.Zero(t, m.submits, "blocks of others are not submitted")
	require.NoError(t, m.DeliverBlock(t.Context(), evidence.Block, evidence.Certificate))
	require.NoError(t, m.DeliverBlock(t.Context(), evidence.Block, evidence.Certificate), "again after a crash")
	require.Equal(t, 1, m.submits)
	again := openMember(t, dir, 1, 4, calendar)
	require.NoError(t, again.DeliverBlock(t.Context(), evidence.Block, evidence.Certificate))
	require.Zero(t, again.submits)

	stored, err := m.store.Submission(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, rewards.Pending, stored.Outcome)
	require.Equal(t, contracttest.Submission(d, 1).Encode(), stored.Body)
}

func TestAnOwnBlockOfAnUnknownEpochIsDeliveredAgain(t *testing.T) {
	d := describe(1, 4)
	calendar := newCalendar()
	m := newMember(t, 1, 4, calendar)
	evidence := contracttest.Evidence(d, 1)
	require.Error(t, m.DeliverBlock(t.Context(), evidence.Block, evidence.Certificate))
	require.Equal(t, []contract.Epoch{1}, calendar.wanted)
	calendar.learn(d)
	require.NoError(t, m.DeliverBlock(t.Context(), evidence.Block, evidence.Certificate))
	require.Equal(t, 1, m.submits)
}
