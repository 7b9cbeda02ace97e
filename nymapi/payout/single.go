package payout

import (
	"slices"
	"strconv"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// single pays what one Nym-API reports.
type single struct {
	number int // from 0
	carry  *carry
	scores []metrics.Uptime
}

// Single returns the way in which Nym-API number (from 0) decides alone. Its name is single-1 for
// number 0.
func Single(number int) Way { return &single{number: number, carry: newCarry(CarryLimit)} }

func (s *single) Name() string { return "single-" + strconv.Itoa(s.number+1) }

func (s *single) Score(r Reports) []metrics.Uptime {
	s.scores = s.scores[:0]
	if row := r.Row(s.number); row != nil {
		s.scores = append(s.scores, row...)
		return s.scores
	}
	s.scores = append(s.scores, slices.Repeat([]metrics.Uptime{metrics.Missing}, r.Mixnodes())...)
	return s.scores
}

func (s *single) Settle(r Reports) []Payment {
	if r.Row(s.number) == nil {
		return s.carry.miss()
	}
	return s.carry.fill(s.Score(r))
}

// Alone reports whether a way takes reports that each Nym-API submits by itself, so that a block
// decides nothing.
func Alone(w Way) bool {
	switch w.(type) {
	case *single, *monitors:
		return true
	}
	return false
}
