// Package remote lets a program in another process, in any language, be a node's application. The
// program connects to a WebSocket on the node's admin listener and answers the node's questions
// about messages and blocks. Each WebSocket message is one JSON frame. docs/APPLICATION.md
// describes the frames.
//
//	Server   the node's side: http.Handler of the endpoint, and ephemera.Application of the node
//	Client   the program's side in Go: connects, reconnects, and asks an Application of two methods
//
// The Server wraps another application, usually a policy.Application, which proposes the node's own
// blocks. The program checks such a proposal as it checks any other block. It reads certified
// blocks from the node's API.
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
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/jsontext"
)

// endpointPath is the path of the endpoint on the admin listener.
const endpointPath = "/ephemera/application"

// frameVersion is the version of the frames. A program that registers with another one is refused.
const frameVersion = 1

// errFrame reports bytes that are not a frame, or a frame that the receiver does not accept.
var errFrame = errors.New("invalid frame")

// frameKind is the type of a frame.
type frameKind string

// Frames of a program.
const (
	// kindRegister is the first frame: Name, Version.
	kindRegister frameKind = "register"
	// kindVerdict answers a question: ID, Verdict, Reason, Drop.
	kindVerdict frameKind = "verdict"
	// kindWake says that answers may have changed: the node asks again about its own block and about
	// blocks that were answered with later.
	kindWake frameKind = "wake"
)

// Frames of a node.
const (
	// kindRegistered answers kindRegister: Version, Network, Key, WithinMS.
	kindRegistered frameKind = "registered"
	// kindCheckMessage is a question: ID, WithinMS, Message.
	kindCheckMessage frameKind = "check_message"
	// kindCheckBlock is a question: ID, WithinMS, Own, Block.
	kindCheckBlock frameKind = "check_block"
)

// Verdicts of a program on a message or a block.
const (
	verdictAccept = "accept"
	verdictReject = "reject"
	verdictLater  = "later"
)

// A frame is one WebSocket message in either direction. Kind determines which fields are set.
type frame struct {
	Kind    frameKind `json:"type"`
	Version int       `json:"version,omitempty"`
	Name    string    `json:"name,omitempty"` // of the program, for logs

	Network string       `json:"network,omitempty"`
	Key     *keys.Public `json:"key,omitempty"` // of the node

	ID       uint64       `json:"id,omitempty"`        // of a question, from 1, unique on a connection
	WithinMS int64        `json:"within_ms,omitempty"` // time to answer
	Message  *api.Message `json:"message,omitempty"`
	Block    *api.Block   `json:"block,omitempty"`
	Own      bool         `json:"own,omitempty"` // the block is the node's own candidate

	Verdict string `json:"verdict,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Drop lists messages of the node's candidate that the mempool removes.
	Drop []block.MessageID `json:"drop,omitempty"`
}

// Bounds of what a program sends.
const (
	maxProgramFrame = 1 << 20 // bytes
	maxDrop         = 8192    // messages of one verdict
	maxText         = 512     // bytes of a name or a reason
)

// encode returns the frame's JSON.
func (f frame) encode() []byte {
	data, err := json.Marshal(f)
	if err != nil {
		panic(err) // no field can fail
	}
	return data
}

// decodeProgramFrame reads a frame that a program sent. The error wraps errFrame and says what was
// expected.
func decodeProgramFrame(data []byte) (frame, error) {
	if len(data) > maxProgramFrame {
		return frame{}, fmt.Errorf("%w: %d bytes, at most %d", errFrame, len(data), maxProgramFrame)
	}
	var f frame
	if err := jsontext.Unmarshal(data, &f); err != nil {
		return frame{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	if len(f.Name) > maxText || len(f.Reason) > maxText {
		return frame{}, fmt.Errorf("%w: a name or reason of more than %d bytes", errFrame, maxText)
	}
	switch f.Kind {
	case kindRegister:
		if f.Version != frameVersion {
			return frame{}, fmt.Errorf("%w: version %d, this node speaks version %d", errFrame, f.Version, frameVersion)
		}
	case kindVerdict:
		return f, f.checkVerdict()
	case kindWake:
	default:
		return frame{}, fmt.Errorf("%w: type %.40q, expected register, verdict or wake", errFrame, f.Kind)
	}
	return f, nil
}

func (f frame) checkVerdict() error {
	switch {
	case f.ID == 0:
		return fmt.Errorf("%w: a verdict without the id of its question", errFrame)
	case len(f.Drop) > maxDrop:
		return fmt.Errorf("%w: %d messages to drop, at most %d", errFrame, len(f.Drop), maxDrop)
	case f.Verdict != verdictAccept && f.Verdict != verdictReject && f.Verdict != verdictLater:
		return fmt.Errorf("%w: verdict %.40q, expected accept, reject or later", errFrame, f.Verdict)
	}
	return nil
}

// decodeNodeFrame reads a frame that a node sent. The error wraps errFrame.
func decodeNodeFrame(data []byte) (frame, error) {
	var f frame
	if err := jsontext.Unmarshal(data, &f); err != nil {
		return frame{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	switch {
	case f.Kind == kindRegistered && f.Key != nil:
	case f.Kind == kindCheckMessage && f.Message != nil && f.ID > 0:
	case f.Kind == kindCheckBlock && f.Block != nil && f.ID > 0:
	case f.Kind == kindRegistered || f.Kind == kindCheckMessage || f.Kind == kindCheckBlock:
		return frame{}, fmt.Errorf("%w: %s without what it is about", errFrame, f.Kind)
	default:
		return frame{}, fmt.Errorf("%w: type %.40q, expected registered, check_message or check_block", errFrame, f.Kind)
	}
	return f, nil
}
