package verify

import (
	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Measured is an uptime and the epoch in which it was measured.
type Measured struct {
	Value metrics.Uptime
	Epoch contract.Epoch
}

// Values are the newest measured uptimes of mixnodes. They fill the gaps of later results.
type Values map[metrics.MixID]Measured

// Fill returns the rewards of the epoch of d. They are the result; a mixnode without a new uptime
// gets its newest one if that is at most CarryLimit epochs old, together with the epoch that it
// comes from. Learn must have been called with the results of all earlier epochs.
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

// Learn records the uptimes that were measured in an epoch, which must be later than all before.
func (v Values) Learn(epoch contract.Epoch, result metrics.Result) {
	for i, id := range result.Mixnodes {
		if result.Values[i] != metrics.Missing {
			v[id] = Measured{Value: result.Values[i], Epoch: epoch}
		}
	}
}
