package scenes

func sameBug() Scene {
	return Scene{
		Name: "same-bug", Title: "All observers have the same bug", Reports: []string{"ar-io-observer #107"}, Median: noHelp,
		Happened: text(
			"A gateway that shared its machine with a wrongly registered one was marked as failed by every observer, in every epoch,",
			"also by its own: the code blamed the owner of the key that was found instead of the host that showed it.",
			"All observers ran the same code, so all of them agreed.",
		),
		Teaches: text(
			"A median counts opinions, and copies of one program are one opinion. No rule over the reports finds this: not the",
			"median, not the performance contract, not weights by history, because nobody deviates. Different programs help, if",
			"fewer than half run the wrong one; the guarantee of the group wants f or fewer. What remains is evidence: each",
			"observer signed its zero for a mixnode that users reach, and the description says by which rule it was paid.",
		),
		Play: playSameBug,
	}
}

func playSameBug(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	victim := s.good(1)
	v := view{over: say("mixnode %d, which is up", victim[0]+1), which: victim, epochs: always()}
	var acts []Act
	for _, count := range []int{faulty(), nymAPIs / 2, nymAPIs} {
		buggy := s.values(always(), upTo(count), victim, zero)
		act := buggy.act(say("%d of %d Nym-APIs fail a healthy mixnode in every epoch", count, nymAPIs), v, wayWeighted)
		if count == nymAPIs {
			act.Says = []string{say("Over all mixnodes, Nym-API 1 is %.1f points from the median, and the others at most %.1f: nobody stands out.",
				buggy.distance(1, always()), buggy.farthest(1, always()))}
		}
		acts = append(acts, act)
	}
	return acts, nil
}
