// Package vectors checks files of scenarios of Nym's performance contract: what happens to a
// contract, with the whole answer to every step. Another implementation of the contract is right if
// it agrees with such files, and package performance is if it agrees with files that others made.
//
// A file is a JSON object with "format": 1 and "scenarios", each with
//
//	name
//	start   admin, epoch (current, and that of the contract's creation), monitors, weights, bonded
//	steps[] op, its arguments, and expect: the fields of the answer, or "error" with its fields
//
// Values and weights are decimal strings from 0 to 1, stored percents are integers, null is absent.
// The operations are the methods of [performance.Contract]; testdata has each of them.
package vectors

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/metrics/vectors"
)

// Is reports whether a file is one of scenarios, whatever else is wrong with it.
func Is(data []byte) bool {
	var f struct {
		Scenarios json.RawMessage `json:"scenarios"`
	}
	return json.Unmarshal(data, &f) == nil && f.Scenarios != nil
}

// Check checks a file. Each step is an expectation. The error wraps [vectors.ErrFile].
func Check(data []byte) (vectors.Outcome, error) {
	var f file
	if err := vectors.Decode(data, &f, &f.Format); err != nil {
		return vectors.Outcome{}, err
	}
	if len(f.Scenarios) == 0 {
		return vectors.Outcome{}, fmt.Errorf("%w: it holds no scenarios", vectors.ErrFile)
	}
	var outcome vectors.Outcome
	for i, s := range f.Scenarios {
		if err := s.check(&outcome); err != nil {
			return vectors.Outcome{}, fmt.Errorf("%w: scenario %d, %q: %w", vectors.ErrFile, i+1, s.Name, err)
		}
	}
	return outcome, nil
}

type file struct {
	Format    int        `json:"format"`
	About     string     `json:"about"`
	Scenarios []scenario `json:"scenarios"`
}

type scenario struct {
	Name  string `json:"name"`
	Start start  `json:"start"`
	Steps []step `json:"steps"`
}

type start struct {
	Admin    performance.Address   `json:"admin"`
	Epoch    performance.EpochID   `json:"epoch"`
	Monitors []performance.Address `json:"monitors"`
	Weights  weights               `json:"weights"`
	Bonded   []performance.NodeID  `json:"bonded"`
}

func (s scenario) check(outcome *vectors.Outcome) error {
	initial, err := s.Start.Weights.parse()
	if err != nil {
		return err
	}
	c, err := performance.New(performance.Start{
		Admin: s.Start.Admin, Epoch: s.Start.Epoch, Monitors: s.Start.Monitors, Weights: initial, Bonded: s.Start.Bonded,
	})
	if err != nil {
		return err
	}
	for i, step := range s.Steps {
		got, err := step.answer(c)
		if err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		outcome.Checked++
		if !same(step.Expect, got) {
			text, _ := json.Marshal(got) // maps, strings and numbers always have JSON
			outcome.Failures = append(outcome.Failures,
				fmt.Sprintf("scenario %q, step %d, %s: expected %s, got %s", s.Name, i+1, step.Op, step.Expect, text))
		}
	}
	return nil
}

// same reports whether the JSON of an answer says what is expected.
func same(expect json.RawMessage, got answer) bool {
	text, err := json.Marshal(got)
	if err != nil {
		return false
	}
	var a, b any
	return json.Unmarshal(expect, &a) == nil && json.Unmarshal(text, &b) == nil && reflect.DeepEqual(a, b)
}
