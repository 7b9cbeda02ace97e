package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/attack/attacker"
)

// harmless returns a result just within every bound.
func harmless() result {
	return result{
		attack: attacker.Attack{Name: "signatures"}, quiet: 100 * time.Millisecond, p50: 200 * time.Millisecond,
		resident: maxResident, start: maxStart, submitted: 600, measured: 100,
	}
}

func TestEachBoundIsJudged(t *testing.T) {
	require.Empty(t, harmless().excesses())
	for name, exceed := range map[string]func(*result){
		"median":    func(r *result) { r.p50 += time.Millisecond },
		"MiB":       func(r *result) { r.resident++ },
		"ready":     func(r *result) { r.start++ },
		"delivered": func(r *result) { r.missing++ },
		"too few":   func(r *result) { r.measured = minMeasured - 1 },
	} {
		r := harmless()
		exceed(&r)
		require.Len(t, r.excesses(), 1, name)
		require.Contains(t, r.excesses()[0], name)
	}
}

func TestTableFitsTheScreen(t *testing.T) {
	var out strings.Builder
	require.NoError(t, printHead(&out, planFor(30, options{})))
	require.NoError(t, printList(&out))
	bad := result{
		attack: attacker.Attack{Name: "signatures"}, quiet: 99 * time.Second, p50: 999 * time.Second, resident: 9999 << 20, grown: 9999 << 20,
		start: 59 * time.Second, submitted: 1000, missing: 1000, cuts: 999, share: 0.5, work: 2,
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
	require.Len(t, all, len(attacker.Attacks()))
	some, err := choose("chain,flap")
	require.NoError(t, err)
	require.Len(t, some, 2)
	_, err = choose("chain,nothing")
	require.ErrorIs(t, err, attacker.ErrUnknown)
}
