package server

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract/internal/store"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// ErrDescriptors reports a limit on open files and connections with which a contract cannot work.
var ErrDescriptors = errors.New("the process may have too few files and connections open")

// Bounds on the open connections of callers.
const (
	fewestConnections = 8
	mostConnections   = 1024
)

// fewDescriptors is the limit below which a contract warns: all members of the largest group would
// not be connected at a time, with as many strangers.
const fewDescriptors = heldDescriptors + 2*membership.MaxMembers

// heldDescriptors is how many descriptors a contract needs for other things than connections.
const heldDescriptors = descriptors.Process + descriptors.Listener + store.Files

// connections returns how many callers may be connected at a time in a process that may have limit
// descriptors open. It returns ErrDescriptors, with the least limit, if those are too few.
func connections(limit int) (int, error) {
	if limit < heldDescriptors+fewestConnections {
		return 0, fmt.Errorf("%w: %d, at least %d are needed (%s)", ErrDescriptors, limit, heldDescriptors+fewestConnections, descriptors.Advice)
	}
	return min(mostConnections, limit-heldDescriptors), nil
}
