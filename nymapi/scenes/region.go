package scenes

import "github.com/ephemera-go/nym-rewarding/metrics"

func region() Scene {
	return Scene{
		Name: "region", Title: "A region that no observer reaches gets nothing", Reports: []string{"spark-checker #74"}, Median: noHelp,
		Happened: text(
			"Storage providers in mainland China and Hong Kong got no request from the checkers of Spark, and a retrieval score of",
			"zero. The only one of that list that was measured is in Singapore. With other clients their data could be fetched.",
		),
		Teaches: text(
			"A median is the opinion of the middle. Mixnodes that only a few observers reach are paid as unreachable, and the",
			"honest few are outvoted. No rule can believe them: three of ten could as well be liars that favour their friends.",
			"Observers in the region are the remedy, more than half of all. If a failed measurement is missing instead of zero,",
			"the mixnodes get their last values for a while, 3 epochs here and 24 in the performance contract, and then nothing.",
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
	v := view{over: say("the %d mixnodes of the region, which are up", len(which)), which: which, epochs: from}
	act := func(title string, reach int, value func(metrics.Uptime) metrics.Uptime) Act {
		outside := func(i int) bool { return i <= nymAPIs-reach }
		return s.values(from, outside, which, value).act(title, v)
	}
	return []Act{
		act("From epoch 9 on, nobody reaches the region and all report 0 for it", 0, zero),
		act("Nobody reaches it, and the failed measurements are missing values", 0, absent),
		act(say("%d of %d Nym-APIs are in the region, the others report 0", faulty(), nymAPIs), faulty(), zero),
		act(say("6 of %d Nym-APIs are in the region", nymAPIs), 6, zero),
	}, nil
}
