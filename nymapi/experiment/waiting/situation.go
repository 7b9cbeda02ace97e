package waiting

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// Situation is who reports when. The first members are those that are different.
type Situation struct {
	Name  string // in tables, without spaces
	About string // who is different, as a sentence
	// change changes what happens in an epoch (from 1). f may be 0.
	change func(e *Epoch, f int, epoch uint64)
	fails  bool // all members fail at times
}

// Situations returns all situations.
func Situations() []Situation {
	first := func(e *Epoch, count int, change func(i int)) {
		for i := range min(count, len(e.Sent)) {
			change(i)
		}
	}
	silence := func(e *Epoch) func(int) {
		return func(i int) { e.Sent[i], e.Up[i] = Never, false }
	}
	return []Situation{
		{Name: "all", About: "All report soon.", change: func(*Epoch, int, uint64) {}},
		{Name: "one-away", About: "One is always away.", change: func(e *Epoch, f int, _ uint64) { first(e, min(1, f), silence(e)) }},
		{Name: "f-away", About: "As many as the group tolerates are always away.", change: func(e *Epoch, f int, _ uint64) { first(e, f, silence(e)) }},
		{Name: "outages", About: "Each is away for 5 % of the time, 5 epochs on average.", fails: true, change: func(*Epoch, int, uint64) {}},
		{Name: "one-slow", About: "One always reports after 15 % of an epoch.", change: func(e *Epoch, _ int, _ uint64) {
			first(e, 1, func(i int) { e.Sent[i] = slow })
		}},
		{Name: "last-moment", About: "Liars report just before the deadline of a quarter.", change: func(e *Epoch, f int, _ uint64) {
			first(e, f, func(i int) { e.Sent[i] = Quarter - 10*link })
		}},
		{Name: "in-turns", About: "Liars report in every third epoch only.", change: func(e *Epoch, f int, epoch uint64) {
			if epoch%3 != 0 {
				first(e, f, func(i int) { e.Sent[i] = Never })
			}
		}},
		{Name: "no-reveal", About: "Liars do not open what they committed themselves to.", change: func(e *Epoch, f int, _ uint64) {
			first(e, f, func(i int) { e.Reveals[i] = false })
		}},
	}
}

const (
	slow = 15 * Whole / 100
	// A prompt report takes 0.2 % of an epoch on average, and one in fifty 5 % more.
	prompt      = Whole / 500
	delayed     = Whole / 20
	delayedOne  = 50
	outageMean  = 5  // epochs
	outageShare = 20 // one in twenty is away
)

// Epochs returns what n members do in a situation.
func (s Situation) Epochs(n, epochs int, at draw.State) []Epoch {
	all := make([]Epoch, 0, epochs)
	away := make([]bool, n)
	for epoch := uint64(1); epoch <= uint64(epochs); epoch++ {
		e := Epoch{Sent: make([]Ticks, n), Up: slices.Repeat([]bool{true}, n), Reveals: slices.Repeat([]bool{true}, n)}
		for i := range n {
			e.Sent[i] = late(at.With(drawLate).With(epoch).With(uint64(i)))
			if s.fails {
				away[i] = fails(away[i], at.With(drawOutage).With(epoch).With(uint64(i)))
			}
			if away[i] {
				e.Sent[i], e.Up[i] = Never, false
			}
		}
		s.change(&e, quorum.Faulty(n), epoch)
		all = append(all, e)
	}
	return all
}

// late returns how late a report is.
func late(at draw.State) Ticks {
	exponential := func(mean Ticks, d draw.State) Ticks { return Ticks(int64(mean) * d.Exponential() >> 20) }
	t := exponential(prompt, at.With(0))
	if at.With(1).Below(delayedOne) == 0 {
		t += exponential(delayed, at.With(2))
	}
	return t
}

// fails returns whether a member is away in the next epoch.
func fails(away bool, at draw.State) bool {
	if away {
		return at.Below(outageMean) != 0
	}
	return at.Below(outageMean*(outageShare-1)) == 0
}
