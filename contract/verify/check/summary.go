package check

import (
	"slices"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Trust says which trusted copies the evidence was compared with.
type Trust struct {
	Group    bool `json:"group"`
	Contract bool `json:"contract_key"`
}

func trustOf(c Config) Trust {
	return Trust{Group: c.Group != membership.ID{}, Contract: c.Contract != keys.Public{}}
}

// Total counts the outcomes of one check over all epochs.
type Total struct {
	Number       int    `json:"number"`
	Name         string `json:"name"`
	Pass         int    `json:"pass"`
	Fail         int    `json:"fail"`
	Warning      int    `json:"warning"`
	NotCheckable int    `json:"not_checkable"`
}

// Deviation is a failed check or a warning.
type Deviation struct {
	Source string         `json:"source"`
	Epoch  contract.Epoch `json:"epoch"`
	Finding
}

// Witness is a record that members signed with their reports. An epoch up to it cannot be removed
// or changed without their keys.
type Witness struct {
	Epoch   contract.Epoch `json:"epoch"`
	Record  contract.Hash  `json:"record"`
	By      contract.Epoch `json:"by"`      // the epoch whose reports name it
	Members int            `json:"members"` // who signed them
}

// Member is what a member did in the epochs that were checked.
type Member struct {
	contract.Signatory
	Reported int `json:"reported"` // epochs
	Signed   int `json:"signed"`
	Won      int `json:"won"`
}

// Summary is what was found about all epochs.
type Summary struct {
	Trust    Trust          `json:"trusted"`
	Network  string         `json:"network"`
	Epochs   int            `json:"epochs"`
	First    contract.Epoch `json:"first"`
	Last     contract.Epoch `json:"last"`
	Rewarded int            `json:"rewarded"`
	Proven   int            `json:"proven"` // by signed reports
	// Unproven counts epochs on the word of one Nym-API, of anyone, or of the contract.
	Unproven int `json:"unproven"`
	// Medians counts the unproven epochs in contract.ModePerformance: their values have no names.
	Medians    int      `json:"medians"`
	Missed     int      `json:"missed"`
	Failed     int      `json:"failed"`     // epochs with a failed check
	Incomplete int      `json:"incomplete"` // epochs of which Report.Incomplete holds
	Checks     []Total  `json:"checks"`
	Members    []Member `json:"members"` // in the order of names
	// Deviations are the failed checks and the warnings, at most MaxDeviations of each.
	Deviations []Deviation `json:"deviations"`
	Witness    *Witness    `json:"witness"` // the newest one, nil without one
}

// MaxDeviations bounds Summary.Deviations. Total counts all of them.
const MaxDeviations = 1000

func newTotals() []Total {
	totals := make([]Total, len(checks))
	for i, c := range checks {
		totals[i] = Total{Number: i + 1, Name: c.name}
	}
	return totals
}

// Count returns how many checks had an outcome.
func (s Summary) Count(o Outcome) int {
	count := 0
	for i := range s.Checks {
		count += *s.Checks[i].of(o)
	}
	return count
}

func (t *Total) of(o Outcome) *int {
	switch o {
	case Pass:
		return &t.Pass
	case Fail:
		return &t.Fail
	case Warning:
		return &t.Warning
	}
	return &t.NotCheckable
}

func (s *Summary) witness(w Witness) {
	if s.Witness == nil || w.Epoch >= s.Witness.Epoch {
		s.Witness = &w
	}
}

// add counts a report.
func (s *Summary) add(r Report) {
	if s.Epochs++; s.First == 0 {
		s.First, s.Network = r.Epoch, r.Network
	}
	s.Last = max(s.Last, r.Epoch)
	for _, f := range r.Findings {
		total := s.Checks[f.Number-1].of(f.Outcome)
		*total++
		if (f.Outcome == Fail || f.Outcome == Warning) && s.kept(f.Outcome) < MaxDeviations {
			s.Deviations = append(s.Deviations, Deviation{Source: r.Source, Epoch: r.Epoch, Finding: f})
		}
	}
	failed := r.Count(Fail) > 0
	switch {
	case failed:
		s.Failed++
	case r.Status == contract.StatusMissed:
		s.Missed++
	case r.Mode == contract.ModeFull:
		s.Proven++
	default:
		s.Unproven++
		if r.Mode == contract.ModePerformance {
			s.Medians++
		}
	}
	if r.Status == contract.StatusRewarded {
		s.Rewarded++
	}
	if r.Incomplete() {
		s.Incomplete++
	}
	s.credit(r)
}

func (s *Summary) kept(o Outcome) int {
	kept := 0
	for _, d := range s.Deviations {
		if d.Outcome == o {
			kept++
		}
	}
	return kept
}

func (s *Summary) credit(r Report) {
	for _, m := range r.Reporters {
		s.member(m).Reported++
	}
	for _, m := range r.Signers {
		s.member(m).Signed++
	}
	if r.Winner != nil {
		s.member(*r.Winner).Won++
	}
}

func (s *Summary) member(m contract.Signatory) *Member {
	at, known := slices.BinarySearchFunc(s.Members, m, func(known Member, m contract.Signatory) int {
		if order := contract.CompareNames(known.Name, m.Name); order != 0 {
			return order
		}
		return known.Key.Compare(m.Key)
	})
	if !known {
		s.Members = slices.Insert(s.Members, at, Member{Signatory: m})
	}
	return &s.Members[at]
}
