package main

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/stranger"
)

// harmless returns a result just within every bound.
func harmless() result {
	return result{
		attack: attack{name: "address"}, answers: stranger.Answers{Asked: 1, Worst: time.Second}, resident: maxResident, epochs: 1,
	}
}

func TestEachBoundIsJudged(t *testing.T) {
	require.Empty(t, harmless().excesses())
	for text, exceed := range map[string]func(*result){
		"took":             func(r *result) { r.answers.Worst += time.Millisecond },
		"no honest":        func(r *result) { r.answers.Asked = 0 },
		"MiB":              func(r *result) { r.resident++ },
		"no epoch":         func(r *result) { r.epochs = 0 },
		"1 of 1 epochs":    func(r *result) { r.missed++ },
		"nymapi-2":         func(r *result) { r.ended = []string{"nymapi-2"} },
		"no such contract": func(r *result) { r.failures = []string{"no such contract"} },
	} {
		r := harmless()
		exceed(&r)
		require.Len(t, r.excesses(), 1, text)
		require.Contains(t, r.excesses()[0], text)
	}
	r := harmless()
	r.attack.fast, r.answers.Worst = true, time.Minute
	require.Empty(t, r.excesses(), "the attackers take the cores")
	r = harmless()
	r.answers.Failed, r.answers.Why = 1, errors.New("status 503")
	require.Contains(t, r.excesses(), "status 503")
}

// Epochs count that ended early enough to be rewarded, and not those of before the attack.
func TestEpochsThatEndedDuringTheAttackAreJudged(t *testing.T) {
	begin := time.Now()
	end := begin.Add(10 * time.Second)
	for _, c := range []struct {
		ended          time.Time
		status         contract.Status
		epochs, missed int
	}{
		{begin.Add(-time.Second), contract.StatusMissed, 0, 0},
		{begin.Add(time.Second), contract.StatusRewarded, 1, 0},
		{begin.Add(time.Second), contract.StatusMissed, 1, 1},
		{end.Add(-lag - time.Second), contract.StatusOpen, 1, 1},
		{end.Add(-lag + time.Second), contract.StatusOpen, 0, 0},
	} {
		var r result
		r.judge([]contract.EpochSummary{{End: contract.Millis(c.ended.UnixMilli()), Status: c.status}}, begin, end)
		require.Equal(t, []int{c.epochs, c.missed}, []int{r.epochs, r.missed}, "%+v", c)
	}
}

func TestTableFitsTheScreen(t *testing.T) {
	var out strings.Builder
	require.NoError(t, printHead(&out, plan{length: 20 * time.Second}))
	require.NoError(t, printList(&out))
	bad := result{
		attack: attack{name: "address"}, resident: 9999 << 20, epochs: 999, missed: 999, made: 999_999, ended: []string{"nymapi-1", "nymapi-2"},
		answers: stranger.Answers{Asked: 99_999, Failed: 99_999, P50: time.Minute, P99: time.Minute, Worst: time.Minute, Why: errors.New("status 503")},
	}
	require.NoError(t, printRow(&out, bad))
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
	require.Contains(t, out.String(), "OVER")
}

func TestAttacksAreChosenByName(t *testing.T) {
	all, err := choose("")
	require.NoError(t, err)
	require.Len(t, all, len(attacks()))
	some, err := choose("address,bodies")
	require.NoError(t, err)
	require.Len(t, some, 2)
	_, err = choose("address,nothing")
	require.ErrorContains(t, err, "-list")
}
