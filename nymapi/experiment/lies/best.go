package lies

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

// best are liars that search in every epoch for the reports that hurt most under the way of deciding
// that is judged.
//
// The harm to a mixnode is the distance between what it is paid and the median of all honest
// values, which is what everybody would know without lies; a mixnode that is paid nothing loses
// all of it. The sum over mixnodes is the liars' aim. Whether a wrong value or a missing one is worth
// more is decided by [starving].
//
// All liars report the same value, and what a mixnode is paid depends only on its own column, so one
// trial matrix tries one value of each column at once: [candidates]. That is exact for the rules in
// monotone. For others it is a lower bound, because better values may lie between the candidates,
// and because liars could report different ones. The cost is a [payout.Way.Score] for each
// candidate, and one to remember what was paid.
type best struct {
	scene  Scene
	scores []metrics.Uptime // newest of each mixnode that is not missing
	at     []int            // epoch of that score, 0 for none
	// Of how many columns in all epochs the liars could have decided that they have no value.
	starved, columns int
	choosesBlock     bool
}

func beginBest(s Scene) Liars { return newBest(s) }

func newBest(s Scene) *best {
	return &best{scene: s, scores: make([]metrics.Uptime, s.Mixnodes), at: make([]int, s.Mixnodes)}
}

func (b *best) Report(epoch int, rows [][]metrics.Uptime) (block []bool) {
	honest := b.scene.honestReports(rows)
	if honest.Present() == payout.NewReports(b.scene.Mixnodes, rows).Present() {
		b.remember(epoch, honest)
		return nil // no liar can report
	}
	if b.choosesBlock {
		block = b.choose(epoch, rows, honest)
	}
	attack := b.try(rows, block, honest, false)
	if !b.choosesBlock {
		b.observe(attack)
	}
	total := b.decide(epoch, attack, honest)
	if b.missing(rows, honest) > total {
		for _, i := range b.scene.Liars {
			rows[i] = nil
		}
		return nil
	}
	b.scene.replace(rows, func(_, j int, _ metrics.Uptime) metrics.Uptime { return attack[j].value })
	b.remember(epoch, payout.NewReports(b.scene.Mixnodes, rows).Only(block))
	return block
}

// option is what liars can do to one mixnode.
type option struct {
	value   metrics.Uptime // that all liars report
	wrong   float64        // harm of the worst payment that is not missing, by value
	paid    bool           // there is such a payment
	starves bool           // reporting nothing leaves no payment
}

// try returns what liars can do, by mixnode, if these reports are in the block. Thin tries leave out
// the candidates that hurt rarely.
func (b *best) try(rows [][]metrics.Uptime, block []bool, honest payout.Reports, thin bool) []option {
	trial, liars := b.scene.trial(rows, block)
	values := b.candidates(b.scene.honestReports(trial), liars, thin)
	options := make([]option, b.scene.Mixnodes)
	for c := range values[0] {
		for _, i := range b.scene.Liars {
			for j := range trial[i] {
				trial[i][j] = values[j][c]
			}
		}
		for j, score := range b.scene.Judge.Score(payout.NewReports(b.scene.Mixnodes, trial)) {
			options[j].consider(values[j][c], score, honest.Column(j))
		}
	}
	return options
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

// harm returns the distance of a payment from the median of the honest values, in hundredths of a
// percent. Without honest values nobody knows better.
func harm(paid metrics.Uptime, honest []metrics.Uptime) float64 {
	if len(honest) == 0 {
		return 0
	}
	right := metrics.Median(honest)
	return float64(max(paid-right, right-paid))
}

// candidates returns the values that liars try, by mixnode.
func (b *best) candidates(honest payout.Reports, liars int, thin bool) [][]metrics.Uptime {
	values := make([][]metrics.Uptime, b.scene.Mixnodes)
	for j := range values {
		values[j] = candidates(b.scene.Judge.Name(), honest.Column(j), liars)
		if thin {
			values[j] = values[j][:few(b.scene.Judge.Name())]
		}
	}
	return values
}

// observe counts the columns that liars could have left without a value.
func (b *best) observe(options []option) {
	for _, o := range options {
		b.columns++
		if o.starves {
			b.starved++
		}
	}
}

// decide chooses between a wrong payment and none for each mixnode, and returns the total harm.
func (b *best) decide(epoch int, options []option, honest payout.Reports) (total float64) {
	for j := range options {
		o := &options[j]
		price := b.price(epoch, j, *o, honest.Column(j))
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
func (b *best) price(epoch, j int, o option, honest []metrics.Uptime) float64 {
	s := starving{wrong: o.wrong, unpaid: harm(0, honest), p: float64(b.starved) / float64(max(1, b.columns))}
	if b.at[j] == 0 {
		return s.price(payout.CarryLimit + 1)
	}
	s.carried = harm(b.scores[j], honest)
	return s.price(min(epoch-b.at[j], payout.CarryLimit+1))
}

// missing returns the harm of silent liars without whom the epoch is missed, -1 if it is not.
func (b *best) missing(rows [][]metrics.Uptime, honest payout.Reports) float64 {
	if payout.Alone(b.scene.Judge) || honest.Present() >= b.scene.N-b.scene.F || payout.NewReports(b.scene.Mixnodes, rows).Present() < b.scene.N-b.scene.F {
		return -1
	}
	var total float64
	for j := range b.scene.Mixnodes {
		total += harm(0, honest.Column(j))
	}
	return total
}

// remember keeps what the reports yield, which may be carried later.
func (b *best) remember(epoch int, r payout.Reports) {
	if !payout.Alone(b.scene.Judge) && r.Present() < b.scene.N-b.scene.F {
		return
	}
	for j, score := range b.scene.Judge.Score(r) {
		if score != metrics.Missing {
			b.scores[j], b.at[j] = score, epoch
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
