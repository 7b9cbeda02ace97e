package compare

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/nymapi/paragraph"
)

func finding(name string, o check.Outcome, value, needs string) check.Finding {
	return check.Finding{Name: name, Outcome: o, Value: value, Needs: needs}
}

func passed(name string) check.Finding { return finding(name, check.Pass, "fine", "") }

func evidenceOf(epochs ...[]check.Finding) *Verification {
	v := newVerification()
	for i, findings := range epochs {
		v.add(check.Report{Epoch: contract.Epoch(i + 1), Findings: findings})
	}
	return v
}

// unprovenEvidence is what a contract has in mode single.
func unprovenEvidence(epochs int) *Verification {
	const why = "in mode single there is no block of signed reports"
	all := make([][]check.Finding, epochs)
	for i := range all {
		all[i] = []check.Finding{passed("group"), finding("signatures", check.NotCheckable, why, ""), finding("columns", check.NotCheckable, why, ""), passed("receipt")}
	}
	return evidenceOf(all...)
}

// doctoredEvidence has a false receipt in epoch 1, and a warning about both epochs, of which the
// second has not closed.
func doctoredEvidence() *Verification {
	warned := finding("copies", check.Warning, "nymapi-1 and nymapi-3 reported the same", "")
	return evidenceOf(
		[]check.Finding{passed("group"), warned, passed("columns"), finding("receipt", check.Fail, "receipt: bad signature", ""), passed("annex")},
		[]check.Finding{passed("group"), warned, passed("columns"), passed("receipt"), finding("annex", check.NotCheckable, "no annex was given", "annex")},
	)
}

func TestSentencesSayHowManyChecksPassedAndNameTheOthers(t *testing.T) {
	for want, v := range map[string]*Verification{
		"2 of 2 checks passed.":                                 evidenceOf([]check.Finding{passed("group"), passed("receipt")}),
		"4 of 4 checks passed; measurements are not checkable.": unprovenEvidence(2),
		"6 of 9 checks passed. FAILED: receipt in epoch 1 (receipt: bad signature). With a warning: copies in epochs 1, 2 (nymapi-1 and nymapi-3 reported the same). Not closed yet, so without annex: epoch 2.": doctoredEvidence(),
		"1 of 1 checks passed. Not checkable: parent in epoch 1 (it was not given).": evidenceOf([]check.Finding{passed("group"), finding("parent", check.NotCheckable, "it was not given", "parent")}),
	} {
		require.Equal(t, want, v.Sentence())
	}
	var all []check.Finding
	for _, total := range check.New(check.Config{}).Summary().Checks {
		all = append(all, finding(total.Name, check.Fail, "wrong", ""))
	}
	require.Regexp(t, `^0 of 37 checks passed. FAILED: strict form in epoch 1 \(wrong\), .*, 32 more\.$`, evidenceOf(all).Sentence())
	require.Equal(t, []string{
		"epochs 1, 2, warning: copies: nymapi-1 and nymapi-3 reported the same",
		"epoch 1, FAIL: receipt: receipt: bad signature",
		"epoch 2, not checkable: annex: no annex was given",
	}, doctoredEvidence().Groups())
	require.Equal(t, []string{"epochs 1, 2, not checkable: signatures, columns: in mode single there is no block of signed reports"}, unprovenEvidence(2).Groups())
}

// What is said of a mode without reports is one line, also of a hundred epochs.
func TestWhatCannotBeCheckedIsSaidInOneLine(t *testing.T) {
	many := Summary{Modes: []ModeSummary{{Mode: Single, Verification: &Verification{Passed: 1600, Deviations: unprovenEvidence(1).Deviations}}}}
	lines := many.evidence()
	require.Len(t, lines, 1)
	require.Equal(t, "Evidence in single: 1600 of 1600 checks passed; measurements are not checkable.", lines[0])
	require.LessOrEqual(t, len(lines[0]), paragraph.Width)
	require.Empty(t, Summary{Modes: []ModeSummary{{Mode: Single}}}.evidence(), "no epoch is settled")
}

// A run fails if, and only if, a check of its evidence fails.
func TestOnlyFailedChecksAreUnverified(t *testing.T) {
	with := func(v *Verification) Summary { return Summary{Modes: []ModeSummary{{}, {Verification: v}}} }
	require.True(t, with(nil).Verified())
	require.True(t, with(unprovenEvidence(1)).Verified())
	require.False(t, with(doctoredEvidence()).Verified())
}

func TestAGroupWithAMemberThatTheRunDidNotStartIsNotTrusted(t *testing.T) {
	group := contracttest.Group(4)
	made := []keys.Public{contracttest.Key(3).Public(), contracttest.Key(1).Public(), contracttest.Key(4).Public(), contracttest.Key(2).Public()}
	require.NoError(t, consistsOf(group, made))
	require.ErrorIs(t, consistsOf(group, made[:3]), errStrangers)
	made[0] = contracttest.Key(5).Public()
	require.ErrorIs(t, consistsOf(group, made), errStrangers)
}
