package rewards

import (
	"time"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/nymapi/epoch"
)

// Calendar is the contract's time and epochs. epoch.Clock implements it.
type Calendar interface {
	// Now returns the contract's time, and false while it is not known.
	Now() (contract.Millis, bool)
	// Epochs returns the newest epochs that are known, in ascending order.
	Epochs() []epoch.Entry
	// Description returns the description with that hash, if it is known.
	Description(hash contract.Hash) (contract.Description, bool)
	// Want requests an unknown epoch. It does nothing if the epoch has not begun.
	Want(id contract.Epoch)
	// Changed returns a channel that is closed at the next change.
	Changed() <-chan struct{}
	// Poke makes the calendar poll the contract at once. It never blocks.
	Poke()
}

// until returns the time to wait for a moment, rounded up to the next millisecond.
func until(now, moment contract.Millis) time.Duration {
	return max(0, moment.Sub(now)) + time.Millisecond
}
