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
			"Validators of Bittensor rate miners, and earn more the better they agree with the others. Their ratings are public, so",
			"a validator that copies them earns as much as one that does the work. The remedy was commit and reveal: a rating is",
			"first published as a hash.",
		),
		Teaches: text(
			"A copy adds no information, and no rule over a single epoch can tell it from agreement. Copies of an honest report",
			"cost precision. Copies of a wrong one are votes for it: six copies and the original decide every column. Here",
			"agreement is not paid, and all members near the median have the same weight, so copying only saves work. But nothing",
			"prevents it. Only the evidence shows equal reports.",
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
	wrong := lies.act("Nym-API 10 reports 0 for 24 good mixnodes, and six copy it",
		view{over: say("the %d victims", len(victims)), which: victims, epochs: always()}, wayWeighted)
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
