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
)

// A Nym-API puts exactly the reports into its block that verify.Matrix counts, and after the grace
// period it accepts exactly the blocks that verify.Matrix accepts.
func TestTheApplicationCountsWhatTheContractCounts(t *testing.T) {
	d, other := describe(1, 4), describe(2, 4)
	short := contracttest.Report(d, 3)
	short.Mixnodes, short.Values = short.Mixnodes[:2], short.Values[:2]
	pool := slices.Concat(contracttest.Messages(d, 1, 2, 3, 4, 5), contracttest.Messages(other, 1, 2),
		[]block.Message{second(d, 1), second(d, 2), garbage(d, 3), garbage(d, 4), contracttest.Message(d, 3, short), labelled(t, d.Label(), []byte("garbage"), 4)})
	calendar := newCalendar(d)
	calendar.set(d.End + 7_000)
	m := newMember(t, 1, 4, calendar)
	rapid.Check(t, func(r *rapid.T) {
		content := rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, len(pool), block.Message.ID).Draw(r, "messages")
		b := contracttest.Block(d, 2, content)
		_, reporters, err := verify.Matrix(b, d)
		counted := make([]block.MessageID, len(reporters))
		for i, reporter := range reporters {
			counted[i] = reporter.Message
		}
		require.Equal(r, err == nil, m.CheckBlock(t.Context(), b).IsAccept())
		picked := m.NextBlock(t.Context(), m.turn(content))
		require.Equal(r, err == nil, picked != nil)
		require.ElementsMatch(r, counted, picked)
	})
}

// A certified block of this member becomes a submission that the contract accepts, also after a
// restart, when nothing is cached.
func TestAnOwnBlockGivesTheContractsResult(t *testing.T) {
	d := describe(1, 4)
	evidence := contracttest.Evidence(d, 1)
	for name, prepare := range map[string]func(*member){
		"after a restart": func(*member) {},
		"checked before":  func(m *member) { m.CheckBlock(t.Context(), evidence.Block) },
	} {
		m := newMember(t, 1, 4, newCalendar(d))
		prepare(m)
		require.NoError(t, m.DeliverBlock(t.Context(), evidence.Block, evidence.Certificate), name)
		stored, err := m.store.Submission(t.Context(), 1)
		require.NoError(t, err, name)
		submission, err := contract.DecodeSubmission(stored.Body, len(stored.Body))
		require.NoError(t, err, name)
		_, err = verify.Submission(d, submission)
		require.NoError(t, err, name)
	}
}
