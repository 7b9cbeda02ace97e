// Package verdict is what an application answers about a message or a block: a Decision, made by
// Accept, Reject or Later. Package ephemera has the same names for programs that embed a node.
//
// The zero Decision is no answer. A node that gets one stops with ErrZero: a verdict that somebody
// forgot must not look like one that comes later.
package verdict

import (
	"errors"
	"slices"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// ErrZero reports the zero Decision, which is no answer.
var ErrZero = errors.New("zero Decision: return Accept, Reject or Later")

// Decision is an application's answer about a message or a block. It is immutable: Dropping returns
// another one. What each answer means is said where it is given: at ephemera.Application.
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

// Accept is a yes.
func Accept() Decision { return Decision{answer: accept} }

// Reject is a final no. The reason is logged, and told to whoever submitted the message.
func Reject(reason string) Decision { return Decision{answer: reject, reason: reason} }

// Later is no answer yet: something that it depends on is missing, which the reason names.
func Later(reason string) Decision { return Decision{answer: later, reason: reason} }

// Dropping returns the decision with messages that leave the node's mempool. It counts in the
// answer about an own candidate only, so that no other member can empty a mempool.
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

// IsZero reports whether nobody decided: see ErrZero.
func (d Decision) IsZero() bool { return d.answer == none }

// Reason returns why a message or block is not accepted, "" if no reason was given.
func (d Decision) Reason() string { return d.reason }

// Drops returns the messages that leave the mempool. The caller must not change them.
func (d Decision) Drops() []block.MessageID { return d.drops }

// Name returns accept, reject or later, and zero for the zero Decision.
func (d Decision) Name() string {
	return [...]string{none: "zero", accept: "accept", reject: "reject", later: "later"}[d.answer]
}

// String returns the name, and the reason if there is one.
func (d Decision) String() string {
	if d.reason == "" {
		return d.Name()
	}
	return d.Name() + ": " + d.reason
}
