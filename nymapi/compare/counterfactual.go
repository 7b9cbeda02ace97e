package compare

import (
	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// alone returns what mixnodes would be paid over the first epochs if the given Nym-API were the
// only one: its averages, lies included, with gaps filled as the contract fills them. An offline
// Nym-API misses every epoch.
//
// Measurements are read from in, which differs from the plan's input for a Nym-API that sends more
// packets.
func (p *Plan) alone(in input, number, epochs int) payments {
	paid := make(payments, epochs)
	if p.roles.isOffline(number) {
		return paid
	}
	values := verify.Values{}
	mixnodes := in.mixnodes()
	for e := 1; e <= epochs; e++ {
		averages := p.reported(number, average(in, number, e, p.Ticks))
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
func fill(values verify.Values, epoch contract.Epoch, result metrics.Result) []metrics.Uptime {
	rewards := values.Fill(contract.Description{Epoch: epoch, Rules: contract.Rules{CarryLimit: carryEpochs}}, result)
	values.Learn(epoch, result)
	return paidValues(rewards)
}

func paidValues(rewards []contract.Reward) []metrics.Uptime {
	paid := make([]metrics.Uptime, len(rewards))
	for i, reward := range rewards {
		paid[i] = reward.Value
	}
	return paid
}

// everybodyAlone returns the RMSE of each Nym-API as if it were the only one, except for those
// without any payment to score.
func (p *Plan) everybodyAlone(epochs int) []float64 {
	var all []float64
	for number := 1; number <= p.Nodes; number++ {
		if rmse := p.alone(p.input, number, epochs).score(p.input.truth).rmse(); rmse != nil {
			all = append(all, *rmse)
		}
	}
	return all
}

// sameProbes returns the RMSE of the single Nym-API if it sent as many packets as all of them
// together. It returns nil if the source has no packets or the Nym-API is offline.
func (p *Plan) sameProbes(epochs int) *float64 {
	if p.moreProbes == nil {
		return nil
	}
	return p.alone(p.moreProbes, p.Single, epochs).score(p.input.truth).rmse()
}

// estimated returns what mixnodes would be paid if the contract applied another estimator to the
// same certified matrices.
func estimated(records []Record, e metrics.Estimator, f int) payments {
	paid := make(payments, len(records))
	values := verify.Values{}
	for i, record := range records {
		if record.Matrix != nil {
			paid[i] = fill(values, record.Detail.ID, metrics.Apply(*record.Matrix, e, f))
		}
	}
	return paid
}
