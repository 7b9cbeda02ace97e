package scenes

func outage() Scene {
	return Scene{
		Name: "outage", Title: "An outage of a monitor must not slash everybody", Reports: []string{"nym #6714"}, Median: upToF,
		Happened: text(
			"When Nym added the results of its new stress tests to the performance of nodes, an outage of the orchestrator that",
			"runs them could have lowered the score of every node. The change came with a guard against that.",
		),
		Teaches: text(
			"A missing measurement is not a zero. With a single monitor that is not enough: nothing is measured, so nothing new can",
			"be paid. With ten, nine others still measure. But a group that requires n-f reports stops when more than f of its",
			"members use the same hoster and go down with it. The performance contract has no minimum and pays values that are up",
			"to 24 epochs old, so it is more available. The scene few shows what that costs.",
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
