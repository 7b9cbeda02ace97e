package scenes

func outage() Scene {
	return Scene{
		Name: "outage", Title: "An outage of a monitor must not slash everybody", Reports: []string{"nym #6714"}, Median: upToF,
		Happened: text(
			"When Nym added the scores of its new stress tests to the performance of nodes, an outage of the orchestrator that",
			"measures them could have lowered every node's score: no measurement looked like a bad one. The change came with a guard",
			"that leaves the stress score out while there are no results.",
		),
		Teaches: text(
			"Missing is not zero. That alone does not pay anybody: with one monitor, no measurement means no reward or an old one.",
			"Nine others measure here. But a group that wants n-f reports stops when more than f are away at the same hoster.",
			"The performance contract does not stop: it has no minimum, and pays what was measured up to 24 epochs before.",
			"Availability is where it is better. The scene few shows the price.",
		),
		Play: playOutage,
	}
}

func playOutage(seed uint64) ([]Act, error) {
	s, err := newStage(seed)
	if err != nil {
		return nil, err
	}
	w := window{9, 14}
	one := s.silent(w, upTo(1)).act("Nym-API 1 is down in epochs 9 to 14", view{epochs: w})
	hoster := s.silent(w, upTo(faulty()+1)).act(say("A hoster with Nym-APIs 1 to %d (f+1) is down in these epochs", faulty()+1), view{epochs: w})
	all := s.silent(w, upTo(nymAPIs)).act("All Nym-APIs are down in these epochs", view{epochs: w})
	contract, _ := all.Line(wayContract)
	all.Says = []string{say("The performance contract pays %d cells what was measured before the outage.", contract.Carried)}
	return []Act{one, hoster, all}, nil
}
