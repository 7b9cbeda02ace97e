// Package verdict defines how an application answers about a message or a block: with a Decision,
// made by Accept, Reject or Later. Package ephemera repeats these names for programs that embed a
// node.
//
// The zero Decision does not answer. A node that gets one stops with ErrZero, because a forgotten
// answer must not look like Later.
package verdict

import (
	"errors"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// ErrZero reports the zero Decision, which does not answer.
var ErrZero = errors.New("zero Decision: return Accept, Reject or Later")

// Decision is an application's answer about a message or a block. It is immutable. What each answer
// does depends on the question: see ephemera.Application.
type Decision struct {
	answer answer
	reason string
	drops  []block.MessageID
}

type answer uint8

const (
	none answer = iota
	accept
	reject
	later
)

// Accept returns a yes.
func Accept() Decision { return Decision{answer: accept} }

// Reject returns a final no. The reason is logged, and the submitter of a message gets it.
func Reject(reason string) Decision { return Decision{answer: reject, reason: reason} }

// Later postpones the answer. The reason names what is missing.
func Later(reason string) Decision { return Decision{answer: later, reason: reason} }

// Dropping returns a copy of the decision that also removes messages from the node's mempool. The
// node removes them only if the decision is about its own candidate, so that no other member can
// empty a mempool.
func (d Decision) Dropping(ids ...block.MessageID) Decision {
	d.drops = slices.Concat(d.drops, ids)
	return d
}

// IsAccept reports whether the decision was made by Accept.
func (d Decision) IsAccept() bool { return d.answer == accept }

// IsReject reports whether the decision was made by Reject.
func (d Decision) IsReject() bool { return d.answer == reject }

// IsLater reports whether the decision was made by Later.
func (d Decision) IsLater() bool { return d.answer == later }

// IsZero reports whether d is the zero Decision.
func (d Decision) IsZero() bool { return d.answer == none }

// Reason returns the reason given to Reject or Later, otherwise "".
func (d Decision) Reason() string { return d.reason }

// Drops returns the messages to remove from the mempool. The caller must not change the slice.
func (d Decision) Drops() []block.MessageID { return d.drops }

// Name returns "accept", "reject" or "later", and "zero" for the zero Decision.
func (d Decision) Name() string {
	return [...]string{none: "zero", accept: "accept", reject: "reject", later: "later"}[d.answer]
}

// String returns the name, followed by the reason if one was given.
func (d Decision) String() string {
	if d.reason == "" {
		return d.Name()
	}
	return d.Name() + ": " + d.reason
}
