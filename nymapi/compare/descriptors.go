package compare

import (
	"errors"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/descriptors"
)

// ErrDescriptors reports a limit on open files and connections that is too low for a run.
var ErrDescriptors = errors.New("the process may have too few files and connections open")

// Descriptors returns about how many files and connections a run has open at most: both ends of a
// connection for each pair of Nym-APIs and of a second one for some pairs, the databases, listeners
// and HTTP connections of each, and those of the contracts.
func (p *Plan) Descriptors() int {
	const each, shared = 32, 60
	ends := p.Nodes * (p.Nodes - 1)
	return ends + ends/10 + each*p.Nodes + shared
}

// fits returns an error if a process that may have limit files and connections open is too small
// for the run. Without it, some Nym-APIs would never connect.
func (p *Plan) fits(limit int) error {
	if need := p.Descriptors(); need > limit {
		return fmt.Errorf("compare %d Nym-APIs in one process: %w: %d, about %d are needed (%s, or give fewer --nodes)",
			p.Nodes, ErrDescriptors, limit, need, descriptors.Advice)
	}
	return nil
}
