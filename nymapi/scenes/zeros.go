package scenes

// gateways is how many of the 240 nodes in Nym's rewarded set are gateways.
const gateways = 180

func zeros() Scene {
	return Scene{
		Name: "zeros", Title: "All gateways are at zero for a while", Reports: []string{"nym #3827", "nym #4432"}, Median: helps,
		Happened: text(
			"Nym's API reported a recent performance of zero for all gateways at once, and after a while the zeros went away by",
			"themselves. Operators of mixnodes saw their scores fall after a restart of a few seconds and recover only days later.",
			"They could not find out why, and asked for a more transparent monitor.",
		),
		Teaches: text(
			"A single monitor cannot tell its own fault from a fault of every node, and neither can the nodes that it scores. With",
			"several monitors the difference shows, and a median pays by it. Here the reports behind a payment are signed and kept,",
			"so anyone can find out who reported the zeros. The performance contract stores values without names.",
		),
		Play: playZeros,
	}
}

func playZeros(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	w := during()
	wrong := s.values(w, upTo(1), first(gateways), zero)
	act := wrong.act("Nym-API 1 reports 0 for 180 of the 240 mixnodes in epochs 9 to 12", view{epochs: w}, wayMean, wayWeighted)
	act.Says = []string{say("In these epochs, the reports of Nym-API 1 are %.1f points from the median (root mean square), "+
		"those of the others at most %.1f.", wrong.distance(1, w), wrong.farthest(1, w))}
	return []Act{act}, nil
}
