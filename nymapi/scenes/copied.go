package scenes

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/payout"
)

func copied() Scene {
	return Scene{
		Name: "copied", Title: "Validators copy instead of measuring", Reports: []string{"subtensor #389"}, Median: noHelp,
		Happened: text(
			"Validators of Bittensor rate miners, and are paid by how well they agree with the others. Ratings are public, so copying",
			"them paid as well as making them, without the work. The remedy was commit and reveal: ratings are published as a",
			"hash first.",
		),
		Teaches: text(
			"A copy is no second opinion, and no rule over one epoch can tell a copy from agreement. Copies of an honest report cost",
			"precision. Copies of a wrong one are votes for it: six copies and their original decide every column. Here agreement",
			"is not paid, and weights by history do not reward it, because all near the median weigh the same; so there is less",
			"reason to copy, and nothing that prevents it. Two equal reports are visible in the evidence.",
		),
		Play: playCopied,
	}
}

func playCopied(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	v := view{epochs: always()}
	const copiers = 6
	three, six := s.copies(faulty()), s.copies(copiers)
	honest := s.act("Nobody copies", v, wayWeighted)
	few := three.act(say("Nym-APIs 1 to %d copy the report of Nym-API 10", faulty()), v, wayWeighted)
	few.Says = []string{three.weighs()}
	many := six.act(say("Nym-APIs 1 to %d copy it", copiers), v, wayWeighted)
	victims := s.good(mixnodes / 10)
	lies := s.values(always(), func(i int) bool { return i == nymAPIs }, victims, zero).copies(copiers)
	wrong := lies.act("Nym-API 10 reports 0 for 24 victims, and six copy it",
		view{over: say("the %d victims, which are up", len(victims)), which: victims, epochs: always()}, wayWeighted)
	return []Act{honest, few, many, wrong}, nil
}

// copies lets the first Nym-APIs report what the last one reports.
func (s stage) copies(count int) stage {
	return s.with(func(epoch, i int, row []metrics.Uptime) []metrics.Uptime {
		if i <= count {
			return slices.Clone(s.reports[epoch-1][nymAPIs-1])
		}
		return row
	})
}

// weighs says what copiers weigh after all epochs.
func (s stage) weighs() string {
	way := wayOf(wayWeighted)
	s.pay(way)
	weights := payout.Weights(way, payout.NewReports(mixnodes, s.reports[epochs-1])).Raw
	return say("By history, a copier weighs %.2f times as much as Nym-API 9, which measures.", float64(weights[0])/float64(weights[nymAPIs-2]))
}
