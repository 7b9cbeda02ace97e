package scenes

import "github.com/ephemera-go/nym-rewarding/metrics"

func region() Scene {
	return Scene{
		Name: "region", Title: "A region that no observer reaches gets nothing", Reports: []string{"spark-checker #74"}, Median: noHelp,
		Happened: text(
			"Storage providers in mainland China and Hong Kong received no requests from Spark's checkers. Of those in the report,",
			"only one in Singapore was measured. Other clients could fetch the data of all.",
		),
		Teaches: text(
			"A median follows the middle. Mixnodes that only a few observers reach are paid as if they were down, and the observers",
			"that know better are outvoted. No rule can trust the few: three of ten could also be liars that favour their friends.",
			"The remedy is to have most observers reach the region. If a failed measurement counts as missing instead of zero, the",
			"mixnodes keep their last values for a while, 3 epochs here and 24 in the performance contract, and then get nothing.",
		),
		Play: playRegion,
	}
}

func playRegion(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	which := s.good(mixnodes / 10)
	from := window{9, epochs}
	v := view{over: say("the %d mixnodes of the region", len(which)), which: which, epochs: from}
	act := func(title string, reach int, value func(metrics.Uptime) metrics.Uptime) Act {
		outside := func(i int) bool { return i <= nymAPIs-reach }
		return s.values(from, outside, which, value).act(title, v)
	}
	return []Act{
		act("From epoch 9 on, nobody reaches a region, and all report 0 for its mixnodes", 0, zero),
		act("Nobody reaches it, and the failed measurements are missing values", 0, absent),
		act(say("%d of %d Nym-APIs are in the region, the others report 0", faulty(), nymAPIs), faulty(), zero),
		act(say("6 of %d Nym-APIs are in the region", nymAPIs), 6, zero),
	}, nil
}
