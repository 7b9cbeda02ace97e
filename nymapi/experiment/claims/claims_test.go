package claims

import (
	"bytes"
	"flag"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/nymapi/experiment"
	"github.com/ephemera-go/nym-rewarding/nymapi/experiment/records"
)

var seeds = flag.Int("seeds", 2, "seeds with which the claims are measured")

// played returns the records of the section.
var played = sync.OnceValue(func() []records.Record {
	var all []records.Record
	for _, s := range experiment.Sections() {
		if s.Name != Section {
			continue
		}
		for seed := uint64(1); seed <= uint64(*seeds); seed++ {
			for _, c := range s.Cells() {
				outcomes, err := s.Play(c, seed)
				if err != nil {
					panic(err)
				}
				for _, o := range outcomes {
					all = append(all, records.New(experiment.Row{Cell: c, Seed: seed, Outcome: o}))
				}
			}
		}
	}
	return all
})

func TestEveryClaimIsMeasured(t *testing.T) {
	verdicts := map[string]Verdict{}
	for _, c := range Compare(played()) {
		require.NotContains(t, verdicts, c.Name)
		verdicts[c.Name] = c.Verdict
		require.NotEqual(t, Unplayed, c.Verdict, c.Name)
		require.NotEmpty(t, c.Measured)
	}
	var text bytes.Buffer
	require.NoError(t, Write(&text, Compare(played())))
	t.Log("\n" + text.String())
	for _, line := range strings.Split(text.String(), "\n") {
		require.LessOrEqual(t, len([]rune(line)), 80, line)
	}
}

// recorded returns records of wmedian and the median in a cell, with an error for each seed.
func recorded(k key, weighted, median []float64) []records.Record {
	var all []records.Record
	for i := range weighted {
		c := experiment.Cell{Section: Section, N: k.n, Liars: k.liars, Lie: k.lie, Factor: k.factor, Level: k.level, Missing: k.missing}
		for way, rmse := range map[string]float64{"wmedian": weighted[i], "median": median[i]} {
			outcome := experiment.Outcome{Way: way, Figures: experiment.Figures{RMSE: rmse}}
			all = append(all, records.New(experiment.Row{Cell: c, Seed: uint64(i + 1), Outcome: outcome}))
		}
	}
	return all
}

func TestVerdictsByHand(t *testing.T) {
	one, other := cell(4, "zero"), cell(7, "zero").with("bias", "-5")
	tab := newTable(append(recorded(one, []float64{1, 3}, []float64{2, 4}), recorded(other, []float64{3, 3}, []float64{2, 2})...))
	is := func(k key, claimed func(float64) grade) figure {
		return figure{what: "it", cell: k, ratio: true, measure: "rmse", claimed: claimed}
	}
	for _, test := range []struct {
		figures []figure
		want    Verdict
	}{
		{[]figure{is(one, harmless), is(one, about(0.7))}, Holds},
		{[]figure{is(one, about(0.9))}, Partly},
		{[]figure{is(one, harmless), is(other, harmless)}, Partly},
		{[]figure{is(other, harmless), is(other, about(0.9))}, Fails},
		{[]figure{is(other, atLeast(1.5)), is(other, atMost(1.5))}, Holds},
		{[]figure{is(one, harmless), is(cell(10, "zero"), harmless)}, Unplayed},
	} {
		require.Equal(t, test.want, claim{figures: test.figures}.compare(tab).Verdict)
	}
	measured := claim{figures: []figure{is(one, harmless)}}.compare(tab).Measured
	require.InDelta(t, (0.5+0.75)/2, measured[0].Mean, 1e-12, "the mean of ratios of each seed")
}

func TestWithoutItsSectionNothingIsMeasured(t *testing.T) {
	for _, c := range Compare(nil) {
		require.Equal(t, Unplayed, c.Verdict)
		require.Empty(t, c.Measured)
	}
}
