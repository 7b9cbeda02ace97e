package scenes

import "github.com/ephemera-go/nym-rewarding/metrics"

func selfDoubt() Scene {
	return Scene{
		Name: "self-doubt", Title: "An observer that sees everybody fail must doubt itself",
		Reports: []string{"ar-io-observer #69", "ar-io-observer #101"}, Median: upToF,
		Happened: text(
			"An observer without a working network fails every gateway. AR.IO's observers therefore submit nothing when more than",
			"80 % fail. A year later, on a young network where most gateways really failed, the rule silenced honest observers,",
			"and the limit was raised to 95 %.",
		),
		Teaches: text(
			"The rule makes a wrong report a missing one. With a median that matters once nearly half of the observers are cut off:",
			"then it turns half a reward into a whole one in the performance contract, and into none here, because too few report.",
			"In a real outage of most mixnodes it does harm: silence pays old values, or nobody. The Nym-APIs here have no",
			"such rule; up to f broken observers are outvoted, and more are not told apart from the world.",
		),
		Play: playSelfDoubt,
	}
}

func playSelfDoubt(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	w := during()
	everything := first(mixnodes)
	down := everything[:mixnodes*85/100]
	world := s.withTruth(func(epoch, j int, points float64) float64 {
		if w.has(epoch) && j < len(down) {
			return 0
		}
		return points
	}).values(w, upTo(nymAPIs), down, zero)
	return []Act{
		doubt(s.values(w, upTo(faulty()), everything, zero), say("Nym-APIs 1 to %d lose their network in epochs 9 to 12, and report 0 for all", faulty()), w),
		doubt(s.values(w, upTo(nymAPIs/2), everything, zero), say("Nym-APIs 1 to %d lose it", nymAPIs/2), w),
		doubt(world, "85 % of the mixnodes are really down in these epochs", w),
	}, nil
}

// doubt returns an act with and without the rule.
func doubt(s stage, title string, w window) Act {
	v := view{epochs: w}
	act := Act{Title: title, First: w.first, Last: w.last}
	doubting := s.with(func(_, _ int, row []metrics.Uptime) []metrics.Uptime {
		if mostFail(row) {
			return nil
		}
		return row
	})
	for _, d := range []struct{ way, doubting string }{
		{wayAlone, "Nym-API 1, doubting"}, {wayContract, "performance, doubting"}, {wayMedian, "Ephemera, doubting"},
	} {
		act.Lines = append(act.Lines, s.line(d.way, d.way, v), doubting.line(d.doubting, d.way, v))
	}
	return act
}

// mostFail reports whether more than 80 % of a report are failures.
func mostFail(row []metrics.Uptime) bool {
	failed := 0
	for _, value := range row {
		if value == 0 {
			failed++
		}
	}
	return failed*100 > len(row)*80
}
