package verify

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
)

// states checks the states in the descriptions of consecutive epochs against the epochs before
// them.
type states struct {
	// after holds the states after the newest epochs, ascending. A description is made while epochs
	// before it are open, so it may state an older one, but never an older one than the description
	// before.
	after []contract.State
	lost  bool // an epoch failed, so that the states after it are unknown
}

// next checks the description of the epoch after the last one, and adds the state after it.
func (s *states) next(a Audited) error {
	if s.lost {
		return nil
	}
	if len(s.after) == 0 {
		s.after = []contract.State{{}}
	}
	if a.Description.Version > 1 {
		if err := s.check(a.Description); err != nil {
			s.lost = true
			return err
		}
	}
	newest := s.after[len(s.after)-1]
	s.after = append(s.after, newest.After(a.Record, a.Description, a.Matrix))
	return nil
}

func (s *states) check(d contract.Description) error {
	stated := d.State
	at := slices.IndexFunc(s.after, func(known contract.State) bool { return known.Settled == stated.Settled })
	if at < 0 {
		return fmt.Errorf("description: it states what was settled up to epoch %d, expected epoch %d..%d", stated.Settled, s.after[0].Settled, d.Epoch-1)
	}
	known := s.after[at]
	s.after = s.after[at:]
	if stated.Record != known.Record {
		return fmt.Errorf("description: it names record %s of epoch %d, expected %s", stated.Record, stated.Settled, known.Record)
	}
	if len(stated.History) != len(known.History) {
		return fmt.Errorf("description: a history of %d reporters up to epoch %d, expected %d", len(stated.History), stated.Settled, len(known.History))
	}
	for i, deviation := range known.History {
		if stated.History[i] != deviation {
			return fmt.Errorf("description: deviation %d of %s up to epoch %d, expected %d of %s",
				stated.History[i].Squared, stated.History[i].Reporter, stated.Settled, deviation.Squared, deviation.Reporter)
		}
	}
	return nil
}
