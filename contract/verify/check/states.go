package check

import (
	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// states are what is known about the reporters after each epoch: what bundles from epoch 1 on
// prove, and what descriptions state. A description is made while epochs before it are open, so it
// may state what was known some epochs earlier.
type states struct {
	known map[contract.Epoch]known
	folds map[contract.Epoch]fold // the newest epochs
	// stated is up to which epoch the last description states it. A later one never states an older
	// state.
	stated contract.Epoch
}

type known struct {
	contract.State
	proven bool // by the bundles of all epochs from 1 on
}

// fold is an epoch with which a state becomes the next one.
type fold struct {
	record      contract.Record
	description contract.Description
	matrix      metrics.Matrix
}

// folded is for how many epochs a state that a description states can be continued. Contracts have
// fewer epochs open at a time.
const folded = 64

// settle adds an epoch that was checked. After one that is not intact, nothing is known but what
// later descriptions state.
func (s *states) settle(e *epoch, intact bool) {
	if s.known == nil {
		s.known, s.folds = map[contract.Epoch]known{0: {proven: true}}, map[contract.Epoch]fold{}
	}
	number := e.d.Epoch
	if e.d.Version > 1 {
		if _, is := s.known[e.d.State.Settled]; !is {
			s.know(e.d.State.Settled, known{State: e.d.State})
		}
		s.stated = max(s.stated, e.d.State.Settled)
	}
	if !intact || !e.has(aRecord) || e.d.Rules.Mode == contract.ModeFull && !e.core.Missed() && !e.has(aMatrix) {
		return // what comes after it is not known
	}
	s.folds[number] = fold{e.record, e.d, e.matrix}
	if before, is := s.known[number-1]; is {
		s.know(number-1, before)
	}
	s.forget(number)
}

// know records the state after an epoch, and those after the next epochs that were given.
func (s *states) know(after contract.Epoch, state known) {
	s.known[after] = state
	for next := after + 1; ; next++ {
		f, given := s.folds[next]
		if !given {
			return
		}
		state = known{state.After(f.record, f.description, f.matrix), state.proven}
		s.known[next] = state
	}
}

// forget removes what later descriptions cannot state.
func (s *states) forget(newest contract.Epoch) {
	for number := range s.folds {
		if number+folded < newest {
			delete(s.folds, number)
		}
	}
	for number := range s.known {
		if number < s.stated && number+folded < newest {
			delete(s.known, number)
		}
	}
}

// weights compares what the description says about reporters with the epochs before it.
func weights(e *epoch) Finding {
	if e.d.Version == 1 {
		return pass("a description of version 1 states nothing about reporters")
	}
	stated := e.d.State
	if stated.Settled < e.states.stated {
		return fail("states the history up to epoch %d, an earlier description that up to epoch %d", stated.Settled, e.states.stated)
	}
	from, is := e.states.known[stated.Settled]
	if stated.Settled == 0 {
		from, is = known{proven: true}, true
	}
	if !is {
		return needs("bundles of epochs 1 to "+stated.Settled.String(), "not all epochs up to %d were given and passed", stated.Settled)
	}
	if f := e.compareHistory(from.History); f.Outcome != "" {
		return f
	}
	if !from.proven {
		return needs("bundles of epochs 1 to "+stated.Settled.String(), "%s up to epoch %d fit earlier descriptions alone",
			count(len(stated.History), "reporter"), stated.Settled)
	}
	return pass("%s up to epoch %d, recomputed", count(len(stated.History), "reporter"), stated.Settled)
}

func (e *epoch) compareHistory(history []contract.Deviation) Finding {
	stated := e.d.State.History
	if len(stated) != len(history) {
		return fail("states a history of %d reporters up to epoch %d, expected %d", len(stated), e.d.State.Settled, len(history))
	}
	for i, deviation := range history {
		if stated[i] != deviation {
			return fail("states deviation %d of %s, expected %d of %s",
				stated[i].Squared, e.config.name(stated[i].Reporter), deviation.Squared, e.config.name(deviation.Reporter))
		}
	}
	return Finding{}
}
