package performance

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/metrics"
)

// ErrMessage reports measurements that no message can carry.
var ErrMessage = errors.New("bad batch")

// Measured is what a monitor measured of one node: for each [Kind] a decimal number from 0 to 1 as
// it will be sent, or an empty string for what was not measured. The contract rounds it, not the
// monitor.
type Measured struct {
	Node   NodeID
	Values [Kinds]string
}

// DecimalOf returns an uptime as a decimal number from 0 to 1, and an empty string if it is
// missing.
func DecimalOf(u metrics.Uptime) string {
	if u == metrics.Missing {
		return ""
	}
	return formatDecimal(uint64(u) * (one / uint64(metrics.Full)))
}

// executeMsg is ExecuteMsg::BatchSubmit as the contract's JSON has it. Requirements "Measurement
// kinds are a fixed set of named fields" and "A submission carries one node".
type executeMsg struct {
	Batch batchSubmit `json:"batch_submit"`
}

type batchSubmit struct {
	Epoch EpochID          `json:"epoch"`
	Data  []nodeSubmission `json:"data"`
}

type nodeSubmission struct {
	Node         NodeID       `json:"n"`
	Measurements measurements `json:"m"`
}

type measurements struct {
	Liveness string `json:"l,omitempty"`
	Stress   string `json:"s,omitempty"`
	Config   string `json:"c,omitempty"`
}

// BatchMessages returns the JSON of the messages with which a monitor submits an epoch, each of at
// most a number of nodes, to be sent in this order. The nodes must ascend and have a value each.
// The error wraps [ErrMessage].
func BatchMessages(epoch EpochID, measured []Measured, most int) ([]json.RawMessage, error) {
	if most < 1 {
		return nil, fmt.Errorf("%w: %d nodes for each message, expected at least 1", ErrMessage, most)
	}
	var messages []json.RawMessage
	var batch []nodeSubmission
	for i, m := range measured {
		if i > 0 && m.Node <= measured[i-1].Node {
			return nil, fmt.Errorf("%w: node %d after node %d, expected ascending numbers", ErrMessage, m.Node, measured[i-1].Node)
		}
		submission, err := m.submission()
		if err != nil {
			return nil, err
		}
		batch = append(batch, submission)
		if len(batch) < most && i < len(measured)-1 {
			continue
		}
		message, err := json.Marshal(executeMsg{batchSubmit{Epoch: epoch, Data: batch}})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMessage, err)
		}
		messages, batch = append(messages, message), nil
	}
	return messages, nil
}

func (m Measured) submission() (nodeSubmission, error) {
	empty := true
	for kind, text := range m.Values {
		if text == "" {
			continue
		}
		empty = false
		if _, err := ParsePercent(text); err != nil {
			return nodeSubmission{}, fmt.Errorf("%w: %s of node %d: %w", ErrMessage, Kind(kind), m.Node, err)
		}
	}
	if empty {
		return nodeSubmission{}, fmt.Errorf("%w: node %d has no value", ErrMessage, m.Node)
	}
	return nodeSubmission{m.Node, measurements{m.Values[Liveness], m.Values[Stress], m.Values[Config]}}, nil
}
