package verify

import (
	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Measured is an uptime with the epoch that it was measured in.
type Measured struct {
	Value metrics.Uptime
	Epoch contract.Epoch
}

// Values are the newest measured uptimes of mixnodes, from which gaps are filled.
type Values map[metrics.MixID]Measured

// Fill returns the rewards of the epoch of d: the result, and for a mixnode without a new uptime
// the newest one that is at most CarryLimit epochs old, marked with the epoch that it comes from.
// Results of earlier epochs must have been learnt.
func (v Values) Fill(d contract.Description, result metrics.Result) []contract.Reward {
	rewards := make([]contract.Reward, len(result.Mixnodes))
	for i, id := range result.Mixnodes {
		rewards[i] = contract.Reward{Mixnode: id, Value: result.Values[i], Reports: result.Reports[i]}
		last, known := v[id]
		if result.Values[i] == metrics.Missing && known && last.Epoch < d.Epoch && d.Epoch-last.Epoch <= contract.Epoch(d.Rules.CarryLimit) {
			rewards[i].Value, rewards[i].CarriedFrom = last.Value, last.Epoch
		}
	}
	return rewards
}

// Learn notes the uptimes that were measured in an epoch later than all before.
func (v Values) Learn(epoch contract.Epoch, result metrics.Result) {
	for i, id := range result.Mixnodes {
		if result.Values[i] != metrics.Missing {
			v[id] = Measured{Value: result.Values[i], Epoch: epoch}
		}
	}
}
