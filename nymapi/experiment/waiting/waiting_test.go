package waiting

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// hop is the longest time of a link.
const hop = link/2 + link

func rule(t require.TestingT, name string) Rule {
	for _, r := range Rules() {
		if r.Name == name {
			return r
		}
	}
	require.Fail(t, "no rule "+name)
	return Rule{}
}

// epochOf has members that send at some moments. Those that never do are away.
func epochOf(sent ...Ticks) Epoch {
	e := Epoch{Sent: sent, Reveals: slices.Repeat([]bool{true}, len(sent))}
	for _, at := range sent {
		e.Up = append(e.Up, at < Never)
	}
	return e
}

// decided runs an epoch several times and returns the last decision.
func decided(t require.TestingT, name string, epochs int, e Epoch) Decision {
	run := NewRun(rule(t, name), len(e.Sent), 1)
	var d Decision
	for range epochs {
		d = run.Decide(e)
	}
	return d
}

// after requires that a decision falls within some links after a moment: the last report or the end
// of waiting, the block, and the echoes.
func after(t *testing.T, moment Ticks, d Decision, name string) {
	t.Helper()
	require.False(t, d.Missed, name)
	require.GreaterOrEqual(t, d.At, moment, name)
	require.LessOrEqual(t, d.At, moment+5*hop, name)
}

func TestWhenAllAreHereNobodyWaits(t *testing.T) {
	for _, r := range Rules() {
		d := decided(t, r.Name, 1, epochOf(100, 50, 0, 70))
		switch {
		case r.commits:
			require.LessOrEqual(t, d.At, Ticks(100+7*hop), r.Name)
		case r.Name == "until-0":
			after(t, 70, d, r.Name)
		default:
			after(t, 100, d, r.Name)
		}
	}
}

func TestASilentMemberDelaysByTheRule(t *testing.T) {
	away := epochOf(Never, 50, 100, 70)
	for name, want := range map[string][2]Ticks{ // in the first and the fourth epoch
		"until-0.25": {Quarter, Quarter}, "until-0": {100, 100}, "until-0.05": {Whole / 20, Whole / 20}, "until-0.5": {Whole / 2, Whole / 2},
		"times-3": {least, least}, "heard-1": {Quarter, 100}, "heard-3": {Quarter, 100}, "heard-10": {Quarter, Quarter}, "heard-3-times-10": {least, 100},
		"heard-3-until-0.05": {Whole / 20, 100},
	} {
		for i, epochs := range []int{1, 4} {
			d := decided(t, name, epochs, away)
			after(t, want[i], d, name)
			require.Equal(t, []bool{false, true, true, true}, d.Reports, name)
		}
	}
}

func TestAMultipleCountsFromTheTimeThatEnoughTook(t *testing.T) {
	after(t, 3*(20_000+link/2), decided(t, "times-3", 1, epochOf(Never, 50, 20_000, 70)), "three times 2 %")
	after(t, 40_000, decided(t, "times-3", 1, epochOf(40_000, 50, 20_000, 70)), "the last one in time")
	after(t, Quarter, decided(t, "times-3", 1, epochOf(Never, 50, 200_000, 70)), "a quarter at most")
	after(t, 300_000, decided(t, "times-3", 1, epochOf(Never, 50, 300_000, 70)), "n-f are needed")
}

func TestWhoComesBackCountsAgain(t *testing.T) {
	run := NewRun(rule(t, "heard-1"), 4, 1)
	after(t, Quarter, run.Decide(epochOf(Never, 0, 0, 0)), "all are waited for at first")
	after(t, 0, run.Decide(epochOf(Never, 0, 0, 0)), "it is not waited for")
	back := run.Decide(epochOf(0, 0, 0, 5000))
	after(t, 5000, back, "its report is in time")
	require.Equal(t, []bool{true, true, true, true}, back.Reports)
	after(t, Quarter, run.Decide(epochOf(Never, 0, 0, 0)), "it is waited for again")
}

func TestTooFewReportsMissAnEpoch(t *testing.T) {
	for _, r := range Rules() {
		require.True(t, decided(t, r.Name, 1, epochOf(Never, Never, 0, 0)).Missed, r.Name)
	}
}

func TestCommitmentsCostARoundAndThoseThatStayClosedAQuarter(t *testing.T) {
	e := epochOf(0, 0, 0, 0)
	open := decided(t, "commit-reveal", 1, e)
	require.GreaterOrEqual(t, open.At, Ticks(7*link/2), "seven links of half the usual time, at least")
	e.Reveals[0] = false
	closed := decided(t, "commit-reveal", 1, e)
	require.InDelta(t, float64(Quarter), float64(closed.At), 7*hop)
	require.Equal(t, []bool{false, true, true, true}, closed.Reports)
	require.True(t, decided(t, "commit-reveal-all", 1, e).Missed)
	require.Equal(t, open, decided(t, "commit-reveal-all", 1, epochOf(0, 0, 0, 0)))
}

// TestAMemberRefusesABlockThatLacksWhatItHolds covers the three answers of a member.
func TestAMemberRefusesABlockThatLacksWhatItHolds(t *testing.T) {
	m := member{ready: 1000, held: []bool{true, true, false}}
	require.Equal(t, Ticks(5), m.signs([]bool{true, true, true}, 5), "complete")
	require.Equal(t, Ticks(1000), m.signs([]bool{true, true, false}, 5), "all that it holds")
	require.Equal(t, Ticks(1000)+grace, m.signs([]bool{true, false, true}, 5), "one is missing")
	require.Equal(t, Ticks(2000), m.signs([]bool{true, true, false}, 2000), "it no longer waits")
}

// TestEveryDecisionHasEnoughReportsThatWereSent also checks that equal runs decide alike.
func TestEveryDecisionHasEnoughReportsThatWereSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "n")
		s := rapid.SampledFrom(Situations()).Draw(t, "situation")
		r := rapid.SampledFrom(Rules()).Draw(t, "rule")
		seed := draw.State(rapid.Uint64().Draw(t, "seed"))
		one, two := NewRun(r, n, seed), NewRun(r, n, seed)
		for _, e := range s.Epochs(n, 12, seed) {
			d := one.Decide(e)
			require.Equal(t, d, two.Decide(e))
			if d.Missed {
				continue
			}
			count := 0
			for i, in := range d.Reports {
				if in {
					count++
					require.LessOrEqual(t, e.Sent[i], d.At)
				}
			}
			require.GreaterOrEqual(t, count, quorum.Correct(n))
		}
	})
}

func TestSituationsAreWhatTheySay(t *testing.T) {
	byName := map[string][]Epoch{}
	for _, s := range Situations() {
		require.NotEmpty(t, s.About)
		byName[s.Name] = s.Epochs(10, 2000, 3)
		require.Equal(t, byName[s.Name], s.Epochs(10, 2000, 3))
	}
	away, sum, failures := 0, 0.0, 0
	for k, e := range byName["outages"] {
		for i, up := range e.Up {
			if !up {
				away++
				require.Equal(t, Never, e.Sent[i])
				if k > 0 && byName["outages"][k-1].Up[i] {
					failures++
				}
			}
		}
	}
	require.InDelta(t, 0.05, float64(away)/20_000, 0.01)
	require.InDelta(t, 5, float64(away)/float64(failures), 0.6, "epochs of an outage")
	for _, e := range byName["all"] {
		for _, at := range e.Sent {
			sum += float64(at)
		}
	}
	require.InDelta(t, 2000+1000, sum/20_000, 150, "0.2 % of an epoch, and 5 % for one in fifty")
	for k, e := range byName["in-turns"] {
		require.Equal(t, k%3 != 2, e.Sent[2] == Never)
		require.Less(t, e.Sent[3], Never)
	}
	require.Equal(t, []bool{false, false, false, true}, byName["no-reveal"][0].Reveals[:4])
}
