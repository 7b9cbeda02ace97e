// Package remote lets a program in another process, in any language, be a node's application: it
// connects to the node's WebSocket (Path, on the admin listener), and answers what the node asks
// about messages and blocks. Frames are JSON, one a WebSocket message; docs/APPLICATION.md says
// what they hold.
//
//	Server   the node's side: an http.Handler for the endpoint, and an ephemera.Application that asks whoever is connected
//	Client   the program's side in Go: connects, reconnects, and asks an Application of two methods
//
// Which messages make an own block is not asked over the wire: the application within the Server,
// usually a policy.Application, decides that. A candidate of it is then checked by the program like
// anybody's block. Certified blocks are read from the node's API.
//
// The package is unstable: programs depend on the frames, which have a version, and not on its Go
// API.
package remote

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Path is where the endpoint is, on the admin listener.
const Path = "/ephemera/application"

// Version is that of the frames. A program that registers with another one is refused.
const Version = 1

// ErrFrame reports bytes that are no frame, or a frame that its receiver does not take.
var ErrFrame = errors.New("invalid frame")

// Kind is what a frame is.
type Kind string

// Kinds. The program sends the first three, the node the others.
const (
	Register Kind = "register" // the first frame: Name, Version
	Verdict  Kind = "verdict"  // answers a question: ID, Verdict, Reason, Drop
	Wake     Kind = "wake"     // answers may be others now: ask again about own blocks and what was answered with later

	Registered   Kind = "registered"    // the answer to register: Version, Network, Key, WithinMS
	CheckMessage Kind = "check_message" // a question: ID, WithinMS, Message
	CheckBlock   Kind = "check_block"   // a question: ID, WithinMS, Own, Block
)

// Verdicts of a program. A message is accepted or rejected.
const (
	Accept = "accept"
	Reject = "reject"
	Later  = "later"
)

// Frame is everything that travels over the WebSocket; Kind says which fields count.
type Frame struct {
	Kind    Kind   `json:"type"`
	Version int    `json:"version,omitempty"`
	Name    string `json:"name,omitempty"` // of the program, for logs

	Network string       `json:"network,omitempty"`
	Key     *keys.Public `json:"key,omitempty"` // of the node

	ID       uint64       `json:"id,omitempty"`        // of a question, from 1, unique on one connection
	WithinMS int64        `json:"within_ms,omitempty"` // how long the node waits for an answer
	Message  *api.Message `json:"message,omitempty"`
	Block    *api.Block   `json:"block,omitempty"`
	Own      bool         `json:"own,omitempty"` // the block is the node's own candidate

	Verdict string            `json:"verdict,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Drop    []block.MessageID `json:"drop,omitempty"` // of an own candidate: messages that leave the mempool
}

// Bounds of what a program sends.
const (
	MaxProgramFrame = 1 << 20 // bytes
	MaxDrop         = 8192    // messages of one verdict
	MaxText         = 512     // bytes of a name or a reason
)

// Encode returns the frame's JSON.
func (f Frame) Encode() []byte {
	data, err := json.Marshal(f)
	if err != nil {
		panic(err) // no field can fail
	}
	return data
}

// DecodeProgram reads a frame that a program sent. The error wraps ErrFrame and says what was
// expected.
func DecodeProgram(data []byte) (Frame, error) {
	if len(data) > MaxProgramFrame {
		return Frame{}, fmt.Errorf("%w: %d bytes, at most %d", ErrFrame, len(data), MaxProgramFrame)
	}
	var f Frame
	if err := json.Unmarshal(data, &f); err != nil {
		return Frame{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if len(f.Name) > MaxText || len(f.Reason) > MaxText {
		return Frame{}, fmt.Errorf("%w: a name or reason of more than %d bytes", ErrFrame, MaxText)
	}
	switch f.Kind {
	case Register:
		if f.Version != Version {
			return Frame{}, fmt.Errorf("%w: version %d, this node speaks version %d", ErrFrame, f.Version, Version)
		}
	case Verdict:
		return f, f.checkVerdict()
	case Wake:
	default:
		return Frame{}, fmt.Errorf("%w: type %.40q, expected register, verdict or wake", ErrFrame, f.Kind)
	}
	return f, nil
}

func (f Frame) checkVerdict() error {
	switch {
	case f.ID == 0:
		return fmt.Errorf("%w: a verdict without the id of its question", ErrFrame)
	case len(f.Drop) > MaxDrop:
		return fmt.Errorf("%w: %d messages to drop, at most %d", ErrFrame, len(f.Drop), MaxDrop)
	case f.Verdict != Accept && f.Verdict != Reject && f.Verdict != Later:
		return fmt.Errorf("%w: verdict %.40q, expected accept, reject or later", ErrFrame, f.Verdict)
	}
	return nil
}

// DecodeNode reads a frame that a node sent. The error wraps ErrFrame.
func DecodeNode(data []byte) (Frame, error) {
	var f Frame
	if err := json.Unmarshal(data, &f); err != nil {
		return Frame{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	switch {
	case f.Kind == Registered && f.Key != nil:
	case f.Kind == CheckMessage && f.Message != nil && f.ID > 0:
	case f.Kind == CheckBlock && f.Block != nil && f.ID > 0:
	case f.Kind == Registered || f.Kind == CheckMessage || f.Kind == CheckBlock:
		return Frame{}, fmt.Errorf("%w: %s without what it is about", ErrFrame, f.Kind)
	default:
		return Frame{}, fmt.Errorf("%w: type %.40q, expected registered, check_message or check_block", ErrFrame, f.Kind)
	}
	return f, nil
}
