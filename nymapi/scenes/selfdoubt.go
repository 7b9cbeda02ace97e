package scenes

import "github.com/ephemera-go/nym-rewarding/metrics"

func selfDoubt() Scene {
	return Scene{
		Name: "self-doubt", Title: "An observer that sees everybody fail must doubt itself",
		Reports: []string{"ar-io-observer #69", "ar-io-observer #101"}, Median: upToF,
		Happened: text(
			"An observer without a working network sees every gateway fail. AR.IO's observers therefore submit nothing if more than",
			"80 % fail. On a young network, where most gateways really failed, the rule silenced honest observers, and a year later",
			"the limit was raised to 95 %.",
		),
		Teaches: text(
			"The rule turns a wrong report into a missing one. Up to f broken observers are outvoted in any case. When half of them",
			"are cut off, the rule saves the rewards under the performance contract, which has no minimum, and loses them here,",
			"where too few reports are left. In a real outage of most mixnodes it does harm: the contract pays old values for",
			"mixnodes that are down, and the group pays nobody. The Nym-APIs of this project have no such rule.",
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
