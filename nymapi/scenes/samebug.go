package scenes

func sameBug() Scene {
	return Scene{
		Name: "same-bug", Title: "All observers have the same bug", Reports: []string{"ar-io-observer #107"}, Median: noHelp,
		Happened: text(
			"A healthy gateway was marked as failed by every observer in every epoch, even by its own. Its machine also served a",
			"domain of another gateway, and the code blamed the owner of the wallet that it found there instead of the host that",
			"showed it. All observers ran the same code, so all of them agreed.",
		),
		Teaches: text(
			"A median counts opinions, and copies of one program are a single opinion. No rule over the reports finds such a bug,",
			"because nobody deviates: not the median, not the performance contract, not weights by history. Different programs help",
			"as long as fewer than half of the members run the wrong one, and only f of them are covered by the guarantee. What",
			"remains is evidence: each observer signed a zero for a mixnode that users can reach.",
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
	v := view{over: say("mixnode %d", victim[0]+1), which: victim, epochs: always()}
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
