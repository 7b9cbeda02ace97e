package scenes

import "github.com/ephemera-go/nym-rewarding/metrics"

func few() Scene {
	return Scene{
		Name: "few", Title: "Too few measurers are left", Reports: []string{"tor-relays, February 2018"}, Median: noHelp,
		Happened: text(
			"Tor's directory authorities give a relay the median of its measured bandwidths if at least three of them have measured",
			"it. On 27 February 2018 fewer than three had, and all relays fell back to the bandwidth that they claim, capped at",
			"10,000. That cut the 857 fastest relays, and small relays suddenly got more traffic.",
		),
		Teaches: text(
			"What is paid below the minimum is a rule, too, and it decides who gains from silence. Here an epoch with fewer than",
			"n-f reports is not rewarded: every mixnode loses, and nobody gains. The performance contract has no minimum. While all",
			"are honest, two values do nearly as well as ten, and even with one liar of two it pays more of what is due than a lost",
			"epoch would. But a monitor that silences the others, or waits until they are silent, decides alone who is paid.",
		),
		Play: playFew,
	}
}

func playFew(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	w := during()
	v := view{epochs: w}
	left := s.silent(w, func(i int) bool { return i > 2 })
	second := func(i int) bool { return i == 2 }
	lies := left.values(w, second, first(mixnodes), zero)
	friends := s.good(mixnodes / 10)
	alone := lies.silent(w, upTo(1)).values(w, second, friends, func(metrics.Uptime) metrics.Uptime { return metrics.Full })
	return []Act{
		left.act("Only Nym-APIs 1 and 2 report in epochs 9 to 12, and both are honest", v),
		lies.act("Nym-API 2 reports 0 for all mixnodes in these epochs", v),
		alone.act(say("Only Nym-API 2 reports: 100 for %d friends, and 0 for the others", len(friends)), v),
		alone.act("The same, for the friends", view{over: say("the %d friends", len(friends)), which: friends, epochs: w}),
	}, nil
}
