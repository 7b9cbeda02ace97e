package vectors

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract/performance"
)

// A step is one operation with its arguments. Those of other operations are not set.
type step struct {
	Op      string              `json:"op"`
	Sender  performance.Address `json:"sender"`
	Address performance.Address `json:"address"`
	Epoch   performance.EpochID `json:"epoch"`
	Epochs  uint32              `json:"epochs"`
	Node    performance.NodeID  `json:"node"`
	Status  performance.Status  `json:"status"`
	Values  values              `json:"values"`
	Entries []entry             `json:"entries"`
	Weights weights             `json:"weights"`
	Expect  json.RawMessage     `json:"expect"`
}

type entry struct {
	Node   performance.NodeID `json:"node"`
	Values values             `json:"values"`
}

// An answer has the fields of "expect".
type answer map[string]any

// answer carries out the step. An error is one of the file; what the contract refuses is an answer.
func (s step) answer(c *performance.Contract) (answer, error) {
	if done, err := s.change(c); done != nil || err != nil {
		return refused(done, err)
	}
	if done, err := s.administer(c); done != nil || err != nil {
		return refused(done, err)
	}
	if found := s.query(c); found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("unknown operation %q", s.Op)
}

// change carries out what mixnet and monitors do. Of another operation it returns nil.
func (s step) change(c *performance.Contract) (answer, error) {
	switch s.Op {
	case "advance":
		c.Advance(s.Epochs)
	case "status":
		c.SetStatus(s.Status)
	case "bond":
		c.Bond(s.Node)
	case "unbond":
		c.Unbond(s.Node)
	case "submit":
		parsed, err := s.Values.parse()
		if err != nil {
			return nil, err
		}
		return answer{}, c.Submit(s.Sender, s.Epoch, performance.Entry{Node: s.Node, Values: parsed})
	case "batch":
		return s.batch(c)
	default:
		return nil, nil
	}
	return answer{}, nil
}

func (s step) batch(c *performance.Contract) (answer, error) {
	entries := make([]performance.Entry, len(s.Entries))
	for i, e := range s.Entries {
		parsed, err := e.Values.parse()
		if err != nil {
			return nil, err
		}
		entries[i] = performance.Entry{Node: e.Node, Values: parsed}
	}
	done, err := c.Batch(s.Sender, s.Epoch, entries)
	skipped := append([]performance.NodeID{}, done.NotBonded...)
	return answer{"accepted": done.Accepted, "not_bonded": skipped}, err
}

// administer carries out what an admin does. Of another operation it returns nil.
func (s step) administer(c *performance.Contract) (answer, error) {
	switch s.Op {
	case "authorise":
		return answer{}, c.Authorise(s.Sender, s.Address)
	case "retire":
		return answer{}, c.Retire(s.Sender, s.Address)
	case "update_admin":
		return answer{}, c.UpdateAdmin(s.Sender, s.Address)
	case "update_weights":
		parsed, err := s.Weights.parse()
		if err != nil {
			return nil, err
		}
		from, err := c.UpdateWeights(s.Sender, parsed)
		return answer{"effective_from": from}, err
	case "remove_node":
		return answer{}, c.RemoveNode(s.Sender, s.Epoch, s.Node)
	case "remove_epoch":
		return answer{}, c.RemoveEpoch(s.Sender, s.Epoch)
	}
	return nil, nil
}

// refused returns a refusal as the answer, and any other error as it is.
func refused(done answer, err error) (answer, error) {
	var r *performance.Refusal
	if !errors.As(err, &r) {
		return done, err
	}
	a := answer{"error": r.Reason}
	switch r.Reason {
	case performance.NotAuthorised, performance.AlreadyAuthorised:
		a["address"] = r.Address
	case performance.EpochNotCurrent:
		a["epoch"], a["current_epoch"] = r.Epoch, r.Current
	case performance.EpochInTransition:
		a["epoch"] = r.Epoch
	case performance.StaleSubmission:
		a["epoch"], a["node"], a["last_epoch"], a["last_node"] = r.Epoch, r.Node, r.Last.Epoch, r.Last.Node
	case performance.EmptyNodeSubmission, performance.NodeNotBonded:
		a["node"] = r.Node
	case performance.WeightsDoNotSumToOne:
		a["total"] = r.Total.String()
	}
	return a, nil
}
