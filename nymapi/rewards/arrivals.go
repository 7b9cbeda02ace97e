package rewards

import (
	"sync"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// arrivals records which members' reports have arrived, and when. This can delay a verdict but not
// change it. It holds one report of each member for each epoch that is not settled. It is safe for
// concurrent use.
type arrivals struct {
	mu     sync.Mutex
	epochs map[contract.Epoch]map[keys.Public]*arrival
}

type arrival struct {
	first  block.Message
	at     contract.Millis // contract time
	double bool            // a second report has arrived
}

// note records a report for a known epoch. If the member has already sent a different one for this
// epoch it returns that one and true, but only once.
func (a *arrivals) note(epoch contract.Epoch, m block.Message, now contract.Millis) (first block.Message, double bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epochs == nil {
		a.epochs = map[contract.Epoch]map[keys.Public]*arrival{}
	}
	if a.epochs[epoch] == nil {
		a.epochs[epoch] = map[keys.Public]*arrival{}
	}
	seen := a.epochs[epoch][m.Sender()]
	switch {
	case seen == nil:
		a.epochs[epoch][m.Sender()] = &arrival{first: m, at: now}
	case seen.first.ID() != m.ID() && !seen.double:
		seen.double = true
		return seen.first, true
	}
	return block.Message{}, false
}

// heldAt returns the members whose report for the epoch had arrived by a moment.
func (a *arrivals) heldAt(epoch contract.Epoch, moment contract.Millis) []keys.Public {
	a.mu.Lock()
	defer a.mu.Unlock()
	var held []keys.Public
	for member, seen := range a.epochs[epoch] {
		if seen.at <= moment {
			held = append(held, member)
		}
	}
	return held
}

// count returns the number of members whose report for the epoch has arrived.
func (a *arrivals) count(epoch contract.Epoch) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.epochs[epoch])
}

// forget drops an epoch.
func (a *arrivals) forget(epoch contract.Epoch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.epochs, epoch)
}
