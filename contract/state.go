package contract

import (
	"fmt"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// State is what a description of version 2 takes from the epochs before: the newest settled one,
// and what all that were rewarded up to it say about reporters. Members that report on the epoch
// sign the description's hash, and so the chain of records up to that epoch. The zero State is that
// of a contract that has settled nothing. It must not be modified.
type State struct {
	_       struct{}    `cbor:",toarray"`
	Settled Epoch       `json:"settled"` // 0 if none is settled
	Record  Hash        `json:"record"`  // hash of the record of that epoch, zero if none is settled
	History []Deviation `json:"history"` // strictly ascending by Reporter
}

// Deviation is how far the values of a reporter were from those of others in earlier epochs.
type Deviation struct {
	_        struct{}    `cbor:",toarray"`
	Reporter keys.Public `json:"reporter"`
	// Squared is the running mean of squared distances from the median, in squared hundredths of a
	// percent: see metrics.History.
	Squared int64 `json:"squared"`
}

func (s State) validate(epoch Epoch) error {
	switch {
	case s.Settled >= epoch:
		return fmt.Errorf("%w: description of epoch %d after epoch %d was settled, expected an earlier one", ErrInvalid, epoch, s.Settled)
	case (s.Settled == 0) != (s.Record == Hash{}):
		return fmt.Errorf("%w: description of epoch %d after epoch %d with record %s", ErrInvalid, epoch, s.Settled, s.Record)
	case s.Settled == 0 && len(s.History) > 0:
		return fmt.Errorf("%w: description of epoch %d with a history of %d reporters before the first settled epoch", ErrInvalid, epoch, len(s.History))
	}
	for i, d := range s.History {
		if d.Squared < 0 || d.Squared > metrics.MaxDeviation {
			return fmt.Errorf("%w: deviation %d of %s, expected 0..%d", ErrInvalid, d.Squared, d.Reporter, metrics.MaxDeviation)
		}
		if i > 0 && s.History[i-1].Reporter.Compare(d.Reporter) >= 0 {
			return fmt.Errorf("%w: deviation of %s is out of order", ErrInvalid, d.Reporter)
		}
	}
	return nil
}

// Metrics returns the history as estimators take it: reporters have the names of rows, which are
// peer IDs.
func (s State) Metrics() metrics.History {
	history := make(metrics.History, len(s.History))
	for _, d := range s.History {
		history[d.Reporter.PeerID()] = d.Squared
	}
	return history
}

// After returns the state after an epoch was settled with that record. If it was rewarded, matrix
// holds its reports; otherwise, or if it was rewarded without reports, the matrix is empty. All
// reporters must be members of the description's group.
func (s State) After(r Record, d Description, matrix metrics.Matrix) State {
	next := State{Settled: r.Epoch, Record: r.Hash(), History: s.History}
	if len(matrix.Rows) == 0 {
		return next
	}
	folded := s.Metrics().Fold(matrix, d.Group.F())
	known := make(map[keys.Public]bool, len(s.History))
	next.History = slices.Clone(s.History)
	for i, before := range next.History {
		next.History[i].Squared = folded[before.Reporter.PeerID()]
		known[before.Reporter] = true
	}
	for _, member := range d.Group.Members() {
		if squared, ok := folded[member.PeerID()]; ok && !known[member] {
			next.History = append(next.History, Deviation{Reporter: member, Squared: squared})
		}
	}
	slices.SortFunc(next.History, func(a, b Deviation) int { return a.Reporter.Compare(b.Reporter) })
	return next
}
