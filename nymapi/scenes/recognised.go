package scenes

import "github.com/ephemera-go/nym-rewarding/metrics"

func recognised() Scene {
	return Scene{
		Name: "recognised", Title: "The measured recognise who measures", Reports: []string{"bwscanner #57", "tor trac #24674"}, Median: upToF,
		Happened: text(
			"Tor's bandwidth scanner downloaded files from one server with a fixed address. Relays near the path between scanner",
			"and server measured too high, and a relay that knows the address can treat the scanner better than its users. The",
			"proposed remedy was a pool of servers that all scanners share.",
		),
		Teaches: text(
			"An observer that is recognised measures what it is shown. While at most f are recognised, the others outvote them. If",
			"probes differ from ordinary traffic, every observer is recognised, and no rule over their reports helps. An observer",
			"close to some mixnodes does little harm, because the median does not follow the highest value.",
		),
		Play: playRecognised,
	}
}

// servedOthers is what cheaters serve those that they do not recognise, of what they could.
const servedOthers = 0.6

func playRecognised(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	which := s.good(mixnodes / 10)
	cheat := make([]bool, mixnodes)
	for _, j := range which {
		cheat[j] = true
	}
	honest := s.withTruth(func(_, j int, points float64) float64 {
		if cheat[j] {
			return points * servedOthers
		}
		return points
	}).values(always(), upTo(nymAPIs), which, func(v metrics.Uptime) metrics.Uptime { return v * 6 / 10 })
	full := func(metrics.Uptime) metrics.Uptime { return metrics.Full }
	v := view{over: say("the %d mixnodes that cheat", len(which)), which: which, epochs: always()}
	var acts []Act
	for _, known := range []int{1, faulty(), nymAPIs} {
		title := say("%d mixnodes serve Nym-APIs 1 to %d perfectly, and everybody else at 60 %%", len(which), known)
		if known == 1 {
			title = say("%d mixnodes serve Nym-API 1 perfectly, and everybody else at 60 %%", len(which))
		}
		acts = append(acts, honest.values(always(), upTo(known), which, full).act(title, v))
	}
	near := first(mixnodes / 4)
	more := func(v metrics.Uptime) metrics.Uptime { return min(metrics.Full, v+2*metrics.PerPoint) }
	return append(acts, s.values(always(), upTo(1), near, more).act("Nym-API 1 is next to a quarter of the mixnodes, and measures 2 points more",
		view{over: "that quarter", which: near, epochs: always()})), nil
}
