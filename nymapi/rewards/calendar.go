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

// Moments of an epoch, as parts of its duration.
const (
	// deadlineParts: a block may leave reports out when a quarter of the epoch has passed since its
	// end.
	deadlineParts = 4
	// graceParts: it may leave out a report that was there at the deadline another tenth later.
	graceParts = 10
	// stageParts: staged submissions follow each other by a twentieth.
	stageParts = 20
)

// deadline returns when reports that are not there need not be waited for any longer.
func deadline(d contract.Description) contract.Millis { return d.End + (d.End-d.Start)/deadlineParts }

// grace returns when every justified block of the epoch is signed.
func grace(d contract.Description) contract.Millis { return deadline(d) + (d.End-d.Start)/graceParts }

// until returns how long to wait for a moment, rounded up to the next millisecond.
func until(now, moment contract.Millis) time.Duration {
	return max(0, moment.Sub(now)) + time.Millisecond
}
