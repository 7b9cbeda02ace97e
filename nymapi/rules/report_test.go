package rules_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/nymapi/rules"
)

func labelled(t *testing.T, label string, payload []byte, number int) block.Message {
	t.Helper()
	m, err := block.NewMessage(contracttest.Key(number), contracttest.Network, label, payload, 1)
	require.NoError(t, err)
	return m
}

func payload(t *testing.T, d contract.Description, number int) []byte {
	t.Helper()
	encoded, err := contracttest.Report(d, number).Encode()
	require.NoError(t, err)
	return encoded
}

func TestOnlyReportsOfMembersUnderTheLabelOfAnEpochAreAdmitted(t *testing.T) {
	d := contracttest.Description(4, 3)
	good := payload(t, d, 2)
	report, err := rules.Admit(d.Group, labelled(t, "epoch/7", good, 2), rules.Read)
	require.NoError(t, err)
	require.Equal(t, contract.Epoch(7), report.Epoch)
	require.Equal(t, d.Hash(), report.Description)
	for name, bad := range map[string]block.Message{
		"not a member":           labelled(t, "epoch/1", good, 5),
		"another label":          labelled(t, "notice", good, 2),
		"epoch 0":                labelled(t, "epoch/0", good, 2),
		"a label written oddly":  labelled(t, "epoch/01", good, 2),
		"a payload of something": labelled(t, "epoch/1", []byte("uptime"), 2),
	} {
		_, err := rules.Admit(d.Group, bad, rules.Read)
		require.ErrorIs(t, err, verify.ErrNoReport, name)
	}
}

func TestABlockClaimsTheOneEpochOfItsReports(t *testing.T) {
	d := contracttest.Description(4, 3)
	next := d
	next.Epoch++
	reports := contracttest.Messages(d, 1, 2, 3, 4)
	later := contracttest.Messages(next, 1, 2, 3, 4)
	var notices []block.Message
	for number := 1; number <= 3; number++ {
		notices = append(notices, labelled(t, "notice", payload(t, d, number), number))
	}
	claim := rules.Claim{Epoch: d.Epoch, Description: d.Hash()}
	for _, test := range []struct {
		name     string
		messages []block.Message
		claim    rules.Claim
		failure  string
	}{
		{"all", reports, claim, ""},
		{"n-f", reports[:3], claim, ""},
		{"a few of another epoch", slices.Concat(later[:2], reports), claim, ""},
		{"too few", reports[:2], rules.Claim{}, "no epoch's reports by at least 3 members"},
		{"one member three times", []block.Message{reports[0], later[0], labelled(t, "epoch/1", payload(t, d, 1), 1)}, rules.Claim{}, "no epoch's reports"},
		{"two epochs", slices.Concat(reports[:3], later[:3]), rules.Claim{}, "reports of two epochs"},
		{"a stranger", contracttest.Messages(d, 1, 2, 5), rules.Claim{}, "no epoch's reports"},
		{"one under another label", []block.Message{reports[0], reports[1], labelled(t, "notice", payload(t, d, 3), 3)}, rules.Claim{}, "no epoch's reports"},
		{"no epoch's label", notices, rules.Claim{}, "no epoch's reports"},
	} {
		got, err := rules.ClaimOf(d.Group, contracttest.Block(d, 1, test.messages), rules.Read)
		require.Equal(t, test.claim, got, test.name)
		if test.failure == "" {
			require.NoError(t, err, test.name)
		} else {
			require.ErrorContains(t, err, test.failure, test.name)
		}
	}
}
