package verdict_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/verdict"
)

// Each decision is of exactly one kind.
func TestDecisionIsOfOneKind(t *testing.T) {
	for _, test := range []struct {
		decision                    verdict.Decision
		accept, reject, later, zero bool
		name, text, reason          string
	}{
		{verdict.Accept(), true, false, false, false, "accept", "accept", ""},
		{verdict.Reject("it is stale"), false, true, false, false, "reject", "reject: it is stale", "it is stale"},
		{verdict.Later("no description yet"), false, false, true, false, "later", "later: no description yet", "no description yet"},
		{verdict.Later(""), false, false, true, false, "later", "later", ""},
		{verdict.Decision{}, false, false, false, true, "zero", "zero", ""},
	} {
		for _, d := range []verdict.Decision{test.decision, test.decision.Dropping(block.MessageID{1})} {
			require.Equal(t, test.accept, d.IsAccept(), d)
			require.Equal(t, test.reject, d.IsReject(), d)
			require.Equal(t, test.later, d.IsLater(), d)
			require.Equal(t, test.zero, d.IsZero(), d)
			require.Equal(t, test.reason, d.Reason())
			require.Equal(t, test.text, d.String())
			require.Equal(t, test.name, d.Name())
		}
	}
}

// Dropping adds messages to a copy of the decision.
func TestDroppingReturnsAnotherDecision(t *testing.T) {
	a, b, c := block.MessageID{1}, block.MessageID{2}, block.MessageID{3}
	one := verdict.Accept().Dropping(a)
	two := one.Dropping(b, c)
	require.Empty(t, verdict.Accept().Drops())
	require.Equal(t, []block.MessageID{a}, one.Drops())
	require.Equal(t, []block.MessageID{a, b, c}, two.Drops())
	require.NotEqual(t, one.Dropping(b), one.Dropping(c))
	require.Equal(t, []block.MessageID{a}, one.Drops())
}
