package compare

import (
	"io"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/spreadsheet"
)

// rewardsHeader is the first line of rewards.csv.
var rewardsHeader = []string{"mode", "epoch", "mixnode", "value", "reports", "truth", "paid", "carried_from"}

// WriteRewards writes rewards.csv: for each mode, settled epoch and mixnode the paid points, the
// number of values, the truth, whether the value is fresh, carried or unpaid, and the epoch from
// which it is carried. Missing values are empty, and names that a spreadsheet would
// compute begin with an apostrophe. The content does not depend on timing.
func WriteRewards(w io.Writer, p *Plan, outcomes []Outcome) error {
	out := spreadsheet.NewWriter(w)
	if err := out.Write(rewardsHeader...); err != nil {
		return err
	}
	for _, o := range outcomes {
		for i, record := range o.Records {
			if err := p.writeEpoch(out, o.Mode, i+1, record); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

func (p *Plan) writeEpoch(out *spreadsheet.Writer, mode Mode, epoch int, record Record) error {
	name := strconv.FormatInt(p.input.name(epoch), 10)
	for i, id := range p.input.mixnodes() {
		line := []string{string(mode), name, string(id), "", "", p.truthText(i, epoch), "unpaid", ""}
		if record.Detail.Status == contract.StatusRewarded {
			reward := record.Detail.Result[i]
			line[3], line[4] = reward.Value.String(), strconv.Itoa(int(reward.Reports))
			line[6], line[7] = p.paidText(reward)
		}
		if err := out.Write(line...); err != nil {
			return err
		}
	}
	return nil
}

// paidText returns how a cell was paid, and the name of the epoch from which a value is carried.
func (p *Plan) paidText(reward contract.Reward) (how, from string) {
	switch {
	case reward.Value == metrics.Missing:
		return "unpaid", ""
	case reward.CarriedFrom != 0:
		return "carried", strconv.FormatInt(p.input.name(int(reward.CarriedFrom)), 10)
	default:
		return "fresh", ""
	}
}

func (p *Plan) truthText(mixnode, epoch int) string {
	points, ok := p.input.truth(mixnode, epoch)
	if !ok {
		return ""
	}
	return strconv.FormatFloat(points, 'f', 4, 64)
}
