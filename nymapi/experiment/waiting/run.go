package waiting

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/quorum"
	"github.com/ephemera-go/nym-rewarding/metrics/draw"
)

// grace is how long after its own waiting a member refuses blocks that lack reports which it holds.
const grace = Whole / 10

// Run decides epochs by one rule. It remembers who was silent, which all members read off the
// blocks that won. Its methods must not be called concurrently.
type Run struct {
	rule   Rule
	n, f   int
	at     draw.State
	epoch  uint64
	silent []int // by member: epochs since its report was in a block that won
}

// NewRun returns a run of n members. Runs with equal draws have the same times of links.
func NewRun(rule Rule, n int, at draw.State) *Run {
	return &Run{rule: rule, n: n, f: quorum.Faulty(n), at: at, silent: make([]int, n)}
}

// Decide ends the next epoch.
func (r *Run) Decide(e Epoch) Decision {
	r.epoch++
	d := r.round(0, e.Sent, e.Up, r.silent, r.rule.wait)
	if r.rule.commits && !d.Missed {
		d = r.reveal(d, e)
	}
	if d.Missed {
		return d
	}
	for i, in := range d.Reports {
		r.silent[i]++
		if in {
			r.silent[i] = 0
		}
	}
	return d
}

// reveal has the members open their commitments once they have the certificate of the block with
// them, and makes a block of that. They wait for all that are committed, at most a quarter of an
// epoch.
func (r *Run) reveal(committed Decision, e Epoch) Decision {
	sent, silent := slices.Repeat([]Ticks{Never}, r.n), slices.Repeat([]int{1}, r.n)
	for i, in := range committed.Reports {
		if !in {
			continue
		}
		silent[i] = 0
		if e.Reveals[i] {
			sent[i] = link // when the certificate arrives
		} else if r.rule.all {
			return Decision{Missed: true}
		}
	}
	d := r.round(1, sent, e.Up, silent, func(v view) Ticks { return v.between(v.heard(1), Quarter) })
	d.At += committed.At
	return d
}

// round makes, signs and certifies blocks. The first one that has a certificate wins.
func (r *Run) round(number uint64, sent []Ticks, up []bool, silent []int, wait func(view) Ticks) Decision {
	d := delays{at: r.at.With(drawLink).With(r.epoch).With(number)}
	members := make([]member, r.n)
	for m := range members {
		if up[m] {
			members[m] = r.member(m, d, sent, silent, wait)
		}
	}
	best := Decision{Missed: true}
	for creator, c := range members {
		if !up[creator] || c.ready >= Never {
			continue
		}
		if at := r.certified(creator, members, up, d); at < Never && (best.Missed || at < best.At) {
			best = Decision{At: at, Reports: c.held}
		}
	}
	return best
}

// member is what one member does in a round.
type member struct {
	ready Ticks  // when it no longer waits
	held  []bool // whose reports it holds then
}

func (r *Run) member(m int, d delays, sent []Ticks, silent []int, wait func(view) Ticks) member {
	v := view{n: r.n, f: r.f, silent: silent, arrived: make([]Ticks, r.n)}
	for i, at := range sent {
		v.arrived[i] = min(at+d.between(i, m), Never)
	}
	result := member{ready: min(wait(v), Never), held: make([]bool, r.n)}
	for i, at := range v.arrived {
		result.held[i] = at <= result.ready && at < Never
	}
	return result
}

// certified returns when a creator has the echoes of a quorum for its block.
func (r *Run) certified(creator int, members []member, up []bool, d delays) Ticks {
	block := members[creator]
	var echoes []Ticks
	for s, signer := range members {
		if up[s] {
			arrived := block.ready + d.between(creator, s)
			echoes = append(echoes, min(signer.signs(block.held, arrived)+d.between(s, creator), Never))
		}
	}
	if q := quorum.Size(r.n); len(echoes) >= q {
		return slices.Sorted(slices.Values(echoes))[q-1]
	}
	return Never
}

// signs returns when a member signs a block that arrives at some moment: at once if nothing is
// missing in it, when it has stopped waiting if the block has all that it holds then, and after the
// grace period otherwise.
func (m member) signs(block []bool, arrived Ticks) Ticks {
	if !slices.Contains(block, false) {
		return arrived
	}
	for i, held := range m.held {
		if held && !block[i] {
			return max(arrived, m.ready+grace)
		}
	}
	return max(arrived, m.ready)
}
