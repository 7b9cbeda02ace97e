package compare

import (
	"cmp"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// alone returns what mixnodes would be paid over the first epochs if the given Nym-API were the
// only one: its averages, lies included, with gaps filled as the contract fills them. An offline
// Nym-API misses every epoch.
//
// Measurements are read from in, ticks of them for each epoch. Both differ from those of the plan
// for a Nym-API that measures more.
func (p *Plan) alone(in sampled, ticks, number, epochs int) payments {
	paid := make(payments, epochs)
	if p.roles.isOffline(number) {
		return paid
	}
	values := verify.Values{}
	mixnodes := in.mixnodes()
	for e := 1; e <= epochs; e++ {
		averages := p.reported(number, average(in, number, e, ticks))
		result := metrics.Result{Mixnodes: mixnodes, Values: averages, Reports: make([]uint16, len(mixnodes))}
		paid[e-1] = fill(values, contract.Epoch(e), result)
	}
	return paid
}

// reported returns what a Nym-API reports if it measured the averages.
func (p *Plan) reported(number int, averages []metrics.Uptime) []metrics.Uptime {
	if !p.roles.lies(number) {
		return averages
	}
	return p.Lie.values(p.input.mixnodes(), averages, p.Seed)
}

// fill returns the values of a result with the gaps filled from earlier epochs, and records the
// result for later ones.
func fill(values verify.Values, epoch contract.Epoch, result metrics.Result) []contract.Reward {
	rewards := values.Fill(contract.Description{Epoch: epoch, Rules: contract.Rules{CarryLimit: carryEpochs}}, result)
	values.Learn(epoch, result)
	return rewards
}

// everybodyAlone returns the quality of each Nym-API as if it were the only one, in ascending order
// of the RMSE. Those without any payment to score are left out.
func (p *Plan) everybodyAlone(epochs int, common cellSet) []AloneSummary {
	var all []AloneSummary
	for number := 1; number <= p.Nodes; number++ {
		q := p.quality(p.alone(p.input, p.Ticks, number, epochs), common)
		if q.RMSE != nil {
			all = append(all, AloneSummary{NymAPI: number, Quality: q})
		}
	}
	slices.SortStableFunc(all, func(a, b AloneSummary) int { return cmp.Compare(*a.RMSE, *b.RMSE) })
	return all
}

// sameProbes returns the quality of the single Nym-API if it sent as many packets as all of them
// together: in each tick it measures as often as they do, each measurement is lost by itself, and
// it reports the average of all. It returns nil if the source cannot measure more or the Nym-API is
// offline.
func (p *Plan) sameProbes(epochs int, common cellSet) *Quality {
	if p.more == nil || p.roles.isOffline(p.Single) {
		return nil
	}
	q := p.quality(p.alone(p.more, p.Ticks*p.Nodes, p.Single, epochs), common)
	return &q
}

// estimated returns what mixnodes would be paid if the contract applied another estimator to the
// same certified matrices, with the history that each epoch's description states.
func estimated(records []Record, e metrics.Estimator, f int) payments {
	paid := make(payments, len(records))
	values := verify.Values{}
	for i, record := range records {
		if record.Matrix != nil {
			rule := metrics.Rule{Estimator: e, F: f, Coverage: metrics.Coverage(f), History: record.Detail.Description.State.Metrics()}
			paid[i] = fill(values, record.Detail.ID, rule.Apply(*record.Matrix))
		}
	}
	return paid
}
