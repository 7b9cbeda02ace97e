package lies

import (
	"math"
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// myopic are liars that search in every epoch for the reports that hurt most under the way of
// deciding that is judged, and do not care what later epochs make of them.
//
// The harm to a mixnode is the distance between what it is paid and the mean of all honest values,
// the most accurate estimate of the truth that anybody could make. A mixnode that is paid nothing
// loses all of it. The sum over mixnodes is the liars' aim. Whether a wrong value or a missing one
// is worth more is decided by [starving].
//
// All liars report the same value, and what a mixnode is paid depends only on its own column, so
// one trial matrix tries one value of each column at once: [candidates]. That is exact for the
// rules in monotone. For others it is a lower bound, because better values may lie between the
// candidates, and because liars could report different ones. The cost is a [payout.Way.Score] for
// each candidate, and one to remember what was paid.
type myopic struct {
	scene  Scene
	scores []metrics.Uptime // newest of each mixnode that is not missing
	at     []int            // epoch of that score, 0 for none
	// Of how many columns in all epochs the liars could have decided that they have no value.
	starved, columns int
	choosesBlock     bool
}

func beginMyopic(s Scene) Liars { return newMyopic(s) }

func newMyopic(s Scene) *myopic {
	return &myopic{scene: s, scores: make([]metrics.Uptime, s.Mixnodes), at: make([]int, s.Mixnodes)}
}

func (m *myopic) Report(epoch int, rows [][]metrics.Uptime) (block []bool) {
	honest := m.scene.HonestReports(rows)
	if honest.Present() == payout.NewReports(m.scene.Mixnodes, rows).Present() {
		m.remember(epoch, honest)
		return nil // no liar can report
	}
	if m.choosesBlock {
		block = m.choose(epoch, rows, honest)
	}
	attack := m.try(rows, block, honest, false)
	if !m.choosesBlock {
		m.observe(attack)
	}
	total := m.decide(epoch, attack, honest)
	if m.vetoes(epoch, rows, attack, honest, total) {
		m.scene.silence(rows)
		return nil
	}
	m.scene.replace(rows, func(_, j int, _ metrics.Uptime) metrics.Uptime { return attack[j].value })
	m.remember(epoch, payout.NewReports(m.scene.Mixnodes, rows).Only(block))
	return block
}

// option is what liars can do to one mixnode.
type option struct {
	value   metrics.Uptime // that all liars report
	wrong   float64        // harm of the worst payment that is not missing, by value
	paid    bool           // there is such a payment
	starves bool           // reporting nothing leaves no payment
}

// try returns what liars can do, by mixnode, if these reports are in the block. Thin tries leave
// out the candidates that hurt rarely.
func (m *myopic) try(rows [][]metrics.Uptime, block []bool, honest payout.Reports, thin bool) []option {
	trial, liars := m.scene.trial(rows, block)
	values := m.candidates(m.scene.HonestReports(trial), liars, thin)
	options := make([]option, m.scene.Mixnodes)
	m.scene.score(trial, values, func(j int, value, score metrics.Uptime) {
		options[j].consider(value, score, honest.Column(j))
	})
	return options
}

// score calls a function with every value that liars try for a mixnode, and with what is paid if
// all of them report it. There are as many values for each mixnode. It changes the rows of liars.
func (s Scene) score(trial, values [][]metrics.Uptime, with func(j int, value, score metrics.Uptime)) {
	for c := range values[0] {
		s.replace(trial, func(_, j int, _ metrics.Uptime) metrics.Uptime { return values[j][c] })
		for j, score := range s.Judge.Score(payout.NewReports(s.Mixnodes, trial)) {
			with(j, values[j][c], score)
		}
	}
}

// consider takes a value that liars try, and what is paid with it.
func (o *option) consider(value, score metrics.Uptime, honest []metrics.Uptime) {
	if score == metrics.Missing {
		o.starves = o.starves || value == metrics.Missing
		return
	}
	if harm := harm(score, honest); !o.paid || harm > o.wrong {
		o.value, o.wrong, o.paid = value, harm, true
	}
}

// harm returns the distance of a payment from the mean of the honest values, in hundredths of a
// percent. Without honest values nobody knows better.
func harm(paid metrics.Uptime, honest []metrics.Uptime) float64 {
	if len(honest) == 0 {
		return 0
	}
	var sum int
	for _, v := range honest {
		sum += int(v)
	}
	return math.Abs(float64(paid) - float64(sum)/float64(len(honest)))
}

// candidates returns the values that liars try, by mixnode.
func (m *myopic) candidates(honest payout.Reports, liars int, thin bool) [][]metrics.Uptime {
	values := make([][]metrics.Uptime, m.scene.Mixnodes)
	for j := range values {
		values[j] = candidates(m.scene.Judge.Name(), honest.Column(j), liars)
		if thin {
			values[j] = values[j][:few(m.scene.Judge.Name())]
		}
	}
	return values
}

// observe counts the columns that liars could have left without a value.
func (m *myopic) observe(options []option) {
	for _, o := range options {
		m.columns++
		if o.starves {
			m.starved++
		}
	}
}

// decide chooses between a wrong payment and none for each mixnode, and returns the total harm.
func (m *myopic) decide(epoch int, options []option, honest payout.Reports) (total float64) {
	for j := range options {
		o := &options[j]
		price := m.price(epoch, j, *o, honest.Column(j))
		if o.starves && (!o.paid || price > o.wrong) {
			o.value = metrics.Missing
		}
		if !o.paid || o.starves && price > o.wrong {
			total += price
			continue
		}
		total += o.wrong
	}
	return total
}

// price returns what a missing payment is worth to the liars.
func (m *myopic) price(epoch, j int, o option, honest []metrics.Uptime) float64 {
	s, age := m.starving(epoch, j, o, honest)
	return s.price(age)
}

// starving returns the choice of the liars for a mixnode, and how old its carried value would be.
func (m *myopic) starving(epoch, j int, o option, honest []metrics.Uptime) (s starving, age int) {
	s = starving{wrong: o.wrong, unpaid: harm(0, honest), p: float64(m.starved) / float64(max(1, m.columns))}
	if m.at[j] == 0 {
		return s, payout.CarryLimit + 1
	}
	s.carried = harm(m.scores[j], honest)
	return s, min(epoch-m.at[j], payout.CarryLimit+1)
}

// vetoes reports whether it hurts more than the total harm of an attack if the liars are silent,
// because then there is no block. In a missed epoch nothing is paid, and all values age.
func (m *myopic) vetoes(epoch int, rows [][]metrics.Uptime, options []option, honest payout.Reports, total float64) bool {
	least := m.scene.N - m.scene.F
	if payout.Alone(m.scene.Judge) || honest.Present() >= least || payout.NewReports(m.scene.Mixnodes, rows).Present() < least {
		return false
	}
	var missed float64
	for j, o := range options {
		s, age := m.starving(epoch, j, o, honest.Column(j))
		missed += s.price(age)
		if age <= payout.CarryLimit {
			missed += s.unpaid - s.carried
		}
	}
	return missed >= total
}

// remember keeps what the reports yield, which may be carried later.
func (m *myopic) remember(epoch int, r payout.Reports) {
	if !payout.Alone(m.scene.Judge) && r.Present() < m.scene.N-m.scene.F {
		return
	}
	for j, score := range m.scene.Judge.Score(r) {
		if score != metrics.Missing {
			m.scores[j], m.at[j] = score, epoch
		}
	}
}

// trial returns the reports in the block, with rows of the liars that may be modified, and the
// number of those.
func (s Scene) trial(rows [][]metrics.Uptime, block []bool) (trial [][]metrics.Uptime, liars int) {
	trial = slices.Clone(rows)
	for i := range trial {
		if block != nil && !block[i] {
			trial[i] = nil
		}
	}
	for _, i := range s.Liars {
		if trial[i] != nil {
			trial[i] = make([]metrics.Uptime, s.Mixnodes)
			liars++
		}
	}
	return trial, liars
}
