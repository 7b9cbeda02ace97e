package rewards

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
)

// Calendar is the contract's time and epochs: an epoch.Clock.
type Calendar interface {
	// Now returns the contract's time, and false while it is not known.
	Now() (contract.Millis, bool)
	// Epochs returns the newest epochs that are known, in ascending order.
	Epochs() []epoch.Entry
	// Description returns the description of that hash, if it is known.
	Description(hash contract.Hash) (contract.Description, bool)
	// Want asks for an epoch that is not known, if the contract has begun it.
	Want(id contract.Epoch)
	// Changed returns a channel that is closed when something new is known.
	Changed() <-chan struct{}
	// Poke makes the calendar look for news at once. It never blocks.
	Poke()
}

// until returns how long to wait for a moment, rounded up to the next millisecond.
func until(now, moment contract.Millis) time.Duration {
	return max(0, moment.Sub(now)) + time.Millisecond
}
